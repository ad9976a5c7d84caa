with usage as (
    select * from {{ ref('stg_raw__product_usage') }}
    where {{ is_newest() }}
),

months as (
    select * from {{ ref('int_month_spine') }}
),

days as (
    select
        account_id,
        used_on,
        sum(events) as events
    from usage
    where events > 0
    group by account_id, used_on
),

final as (
    select
        days.account_id,
        months.month_start,
        {{ sum_within('days.events', 'days.used_on', 'months.measured_on', var('usage_window_days')) }}
            as recent_events,
        {{ sum_before('days.events', 'days.used_on', 'months.measured_on', var('usage_window_days')) }}
            as earlier_events,
        {{ sum_before('1', 'days.used_on', 'months.measured_on', var('usage_window_days')) }} as earlier_days
    from days
    inner join months
        on days.used_on <= months.measured_on
        and days.used_on > {{ add_days('months.measured_on', -2 * var('usage_window_days')) }}
    group by days.account_id, months.month_start
)

select * from final
