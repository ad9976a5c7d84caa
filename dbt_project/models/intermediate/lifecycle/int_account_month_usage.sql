{# Rows find their months by their day: a range would be compared with every one of them. #}
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

used_days as (
    select distinct used_on from days
),

months_of_days as (
    select
        used_days.used_on,
        months.month_start,
        {{ day_diff('used_days.used_on', 'months.measured_on') }} < {{ var('usage_window_days') }} as is_recent
    from used_days
    inner join months
        on used_days.used_on <= months.measured_on
        and used_days.used_on > {{ add_days('months.measured_on', '-2 * ' ~ var('usage_window_days')) }}
),

placed as (
    select
        days.account_id,
        days.events,
        months_of_days.month_start,
        months_of_days.is_recent
    from days
    inner join months_of_days on days.used_on = months_of_days.used_on
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
