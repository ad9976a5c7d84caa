with usage as (
    select * from {{ ref('stg_raw__product_usage') }}
    where {{ is_newest() }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
),

aged as (
    select
        usage.account_id,
        usage.used_on,
        coalesce(usage.events, 1) as events,
        {{ day_diff('usage.used_on', 'observation.data_until') }} as age_days
    from usage
    cross join observation
    where usage.used_on <= observation.data_until
),

windows as (
    select
        account_id,
        max(used_on) as last_used_on,
        sum(case when age_days < {{ var('usage_window_days') }} then events else 0 end) as recent_events,
        sum(case
            when age_days < {{ var('usage_window_days') }} or age_days >= 2 * {{ var('usage_window_days') }} then 0
            else events
        end) as earlier_events
    from aged
    group by account_id
),

final as (
    select
        account_id,
        cast(recent_events as bigint) as usage_28d_events_count,
        cast(recent_events as double) / nullif(earlier_events, 0) as usage_28d_trend_ratio,
        last_used_on
    from windows
)

select * from final
