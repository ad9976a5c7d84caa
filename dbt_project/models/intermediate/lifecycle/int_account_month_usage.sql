with usage as (
    select * from {{ ref('stg_raw__product_usage') }}
    where {{ is_newest() }} and coalesce(events, 1) > 0
),

months as (
    select * from {{ ref('int_month_spine') }}
),

days as (
    select
        account_id,
        used_on,
        sum(coalesce(events, 1)) as events
    from usage
    group by account_id, used_on
),

placed as (
    select
        days.account_id,
        days.events,
        months.month_start,
        {{ day_diff('days.used_on', 'months.measured_on') }} < {{ var('usage_window_days') }} as is_recent
    from days
    inner join months
        on days.used_on <= months.measured_on
        and days.used_on > {{ add_days('months.measured_on', '-2 * ' ~ var('usage_window_days')) }}
),

final as (
    select
        account_id,
        month_start,
        cast(sum(case when is_recent then events else 0 end) as bigint) as recent_events,
        cast(sum(case when is_recent then 0 else events end) as bigint) as earlier_events,
        sum(case when is_recent then 0 else 1 end) as earlier_days
    from placed
    group by account_id, month_start
)

select * from final
