{# Usage is by far the longest table, so only months that have changed are computed, and rows find their months by their
   day: a range would be compared with every row. On Spark: insert_overwrite,
   partitioned by month_start, on a table format that can delete (the hook does). #}
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='month_start',
    on_schema_change='fail',
    pre_hook="{{ forget_changed_months(ref('int_usage_months')) }}"
) }}

{% set window = var('usage_window_days') %}

with usage as (
    select * from {{ ref('stg_raw__product_usage') }}
    where {{ is_newest() }}
),

months as (
    select * from {{ ref('int_usage_months') }}
    {% if is_incremental() -%}
    where month_start not in (select month_start from {{ this }})
    {%- endif %}
),

used_days as (
    select distinct used_on from usage
),

months_of_days as (
    select
        used_days.used_on as read_on,
        months.*
    from used_days
    inner join months
        on used_days.used_on > months.reads_after and used_days.used_on <= months.measured_on
),

placed as (
    select
        usage.account_id,
        usage.used_on,
        usage.feature,
        usage.active_users,
        coalesce(usage.events, 1) as events,
        cast(usage.minutes as decimal(18, 3)) as minutes,
        usage.errors,
        months_of_days.*,
        usage.used_on >= months_of_days.month_start as is_in_month,
        {{ within_days('usage.used_on', 'months_of_days.measured_on', window) }} as is_in_window
    from usage
    inner join months_of_days on usage.used_on = months_of_days.read_on
),

final as (
    select
        account_id,
        month_start,
        month_version,
        cast(sum(case when is_in_month then events else 0 end) as bigint) as events_count,
        cast(sum(case when is_in_month then minutes end) as double) as minutes_count,
        cast(sum(case when is_in_month then errors end) as bigint) as errors_count,
        count(distinct case when is_in_month then used_on end) as active_days_count,
        cast(max(case when is_in_month then active_users end) as bigint) as peak_active_users_count,
        count(distinct case when is_in_month then feature end) as features_used_count,
        features_seen_count,
        {{ ratio('count(distinct case when is_in_month then feature end)', 'features_seen_count') }}
            as features_used_ratio,
        cast({{ sum_within('events', 'used_on', 'measured_on', window) }} as bigint) as events_28d_count,
        cast({{ sum_before('events', 'used_on', 'measured_on', window) }} as bigint) as events_28d_before_count,
        {{ metric_of_columns('usage_trend', {
            'events_28d_count': sum_within('events', 'used_on', 'measured_on', window),
            'events_28d_before_count': sum_before('events', 'used_on', 'measured_on', window)
        }) }} as usage_28d_trend_ratio,
        count(distinct case when is_in_window then used_on end) as active_days_28d_count,
        count(distinct case when is_in_window then feature end) as features_28d_count,
        is_complete,
        measured_on
    from placed
    group by account_id, month_start, month_version, features_seen_count, is_complete, measured_on
)

select * from final
