{{ config(unique_key='as_of', pre_hook="{{ clear_months('as_of') }}") }}

with customers as (
    select * from {{ ref('int_customer_as_of') }}
    where {{ is_in_run('as_of') }}
),

as_of_dates as (
    select * from {{ ref('int_as_of_dates') }}
),

contracts as (
    select * from {{ ref('feat_customer_contract') }}
),

usage_rows as (
    select * from {{ ref('stg_raw__product_usage') }}
),

covered as (
    select
        {{ add_days('min(as_of)', -180) }} as first_on,
        max(as_of) as last_on
    from as_of_dates
),

usage_days as (
    select
        usage_rows.account_id,
        usage_rows.used_on,
        usage_rows.known_on,
        usage_rows.superseded_on,
        sum(coalesce(usage_rows.events, 1)) as events,
        sum(cast(usage_rows.minutes as decimal(18, 3))) as minutes,
        sum(usage_rows.errors) as errors,
        max(usage_rows.active_users) as active_users
    from usage_rows
    inner join covered
        on usage_rows.used_on > covered.first_on and usage_rows.used_on <= covered.last_on
    group by usage_rows.account_id, usage_rows.used_on, usage_rows.known_on, usage_rows.superseded_on
),

windowed as (
    select
        usage_days.*,
        as_of_dates.as_of
    from usage_days
    inner join as_of_dates
        on {{ within_days('usage_days.used_on', 'as_of_dates.as_of', 180) }}
        and {{ known_as_of('usage_days', 'as_of_dates.as_of') }}
),

measured as (
    select
        account_id,
        as_of,
        max(used_on) as last_used_on,
        {{ sum_within('events', 'used_on', 'as_of', 28) }} as events_28d,
        {{ sum_before('events', 'used_on', 'as_of', 28) }} as events_28d_before,
        {{ sum_within('events', 'used_on', 'as_of', 90) }} as events_90d,
        {{ sum_before('events', 'used_on', 'as_of', 90) }} as events_90d_before,
        {{ sum_within('minutes', 'used_on', 'as_of', 28) }} as minutes_28d,
        {{ sum_within('errors', 'used_on', 'as_of', 28) }} as errors_28d,
        count(distinct case when {{ within_days('used_on', 'as_of', 28) }} then used_on end) as active_days_28d,
        max(case when {{ within_days('used_on', 'as_of', 28) }} then active_users end) as users_28d
    from windowed
    group by account_id, as_of
),

breadth as (
    select
        usage_rows.account_id,
        as_of_dates.as_of,
        count(distinct usage_rows.feature) as features_28d
    from usage_rows
    inner join as_of_dates
        on {{ within_days('usage_rows.used_on', 'as_of_dates.as_of', 28) }}
        and {{ known_as_of('usage_rows', 'as_of_dates.as_of') }}
    group by usage_rows.account_id, as_of_dates.as_of
),

final as (
    select
        customers.account_id,
        customers.as_of,
        coalesce(measured.events_28d, 0) as events_28d_count,
        coalesce(measured.minutes_28d, 0) as minutes_28d_count,
        cast(coalesce(measured.active_days_28d, 0) as double) as active_days_28d_count,
        cast(coalesce(breadth.features_28d, 0) as double) as features_28d_count,
        cast(coalesce(measured.users_28d, 0) as double) as users_28d_count,
        {{ ratio('measured.users_28d', 'contracts.seats_count') }} as users_per_seat_28d_ratio,
        {{ ratio('measured.events_28d', 'measured.events_28d_before') }} as usage_28d_trend_ratio,
        {{ ratio('measured.events_90d', 'measured.events_90d_before') }} as usage_90d_trend_ratio,
        {{ ratio('measured.errors_28d', 'measured.events_28d') }} as errors_28d_ratio,
        cast({{ day_diff('measured.last_used_on', 'customers.as_of') }} as double) as last_usage_days
    from customers
    left join contracts
        on customers.account_id = contracts.account_id and customers.as_of = contracts.as_of
    left join measured
        on customers.account_id = measured.account_id and customers.as_of = measured.as_of
    left join breadth
        on customers.account_id = breadth.account_id and customers.as_of = breadth.as_of
)

select * from final
