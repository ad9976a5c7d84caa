-- Each dimension counts every dated closing once, with its amount, and twelve months are the sum of their months.
{{ config(meta={'dagster': {'ref': {'name': 'fct_win_rates'}}}) }}
with rates as (
    select * from {{ ref('fct_win_rates') }}
),

by_dimension as (
    select
        dimension_name,
        sum(won_count) as won_count,
        sum(lost_count) as lost_count,
        sum(won_amount) as won_amount,
        sum(won_cycle_days) as won_cycle_days
    from rates
    group by dimension_name
),

closed_deals as (
    select
        sum(case when deals.is_won then 1 else 0 end) as won_count,
        sum(case when deals.is_won then 0 else 1 end) as lost_count,
        sum(case when deals.is_won then coalesce(deals.amount, 0) else 0 end) as won_amount,
        sum(case when deals.is_won then {{ day_diff('deals.created_on', 'deals.closed_on') }} else 0 end)
            as won_cycle_days
    from {{ ref('fct_deals') }} as deals
    cross join {{ ref('int_observation_window') }} as observation
    where
        deals.closed_on >= {{ month_start('observation.first_event_on') }}
        and deals.closed_on <= {{ month_end('observation.data_until') }}
)

select
    by_dimension.dimension_name,
    by_dimension.won_count,
    closed_deals.won_count as expected_won_count
from by_dimension
cross join closed_deals
where
    by_dimension.won_count <> closed_deals.won_count
    or by_dimension.lost_count <> closed_deals.lost_count
    or by_dimension.won_amount <> closed_deals.won_amount
    or by_dimension.won_cycle_days <> closed_deals.won_cycle_days
union all
select
    dimension_name,
    sum(won_count) as won_count,
    max(trailing_won_count) as expected_won_count
from rates
where won_count > trailing_won_count or lost_count > trailing_lost_count
group by dimension_name
