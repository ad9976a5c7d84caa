{# How the windows that ended in the months before a month end had gone, as far as it was known then. #}
with months as (
    select * from {{ ref('int_month_spine') }}
    where is_complete
),

forecast_deals as (
    select * from {{ ref('int_forecast_deals_as_of') }}
    where window_ends_on is not null
),

won_versions as (
    select * from {{ ref('int_deal_versions') }}
    where is_won
),

opened as (
    select
        stage,
        window_name,
        window_ends_on,
        count(*) as open_count
    from forecast_deals
    group by stage, window_name, window_ends_on
),

won as (
    select
        forecast_deals.stage,
        forecast_deals.window_name,
        forecast_deals.window_ends_on,
        won_versions.known_on,
        won_versions.superseded_on,
        count(*) as won_count
    from forecast_deals
    inner join won_versions
        on forecast_deals.deal_id = won_versions.deal_id
        and forecast_deals.window_ends_on >= won_versions.counted_closed_on
    group by
        forecast_deals.stage,
        forecast_deals.window_name,
        forecast_deals.window_ends_on,
        won_versions.known_on,
        won_versions.superseded_on
),

counted as (
    select
        months.month_end as as_of,
        opened.stage,
        opened.window_name,
        opened.open_count,
        0 as won_count
    from months
    inner join opened
        on months.month_end >= opened.window_ends_on
        and {{ add_months('months.month_start', '1 - ' ~ var('trailing_months')) }} <= opened.window_ends_on
    union all
    select
        months.month_end as as_of,
        won.stage,
        won.window_name,
        0 as open_count,
        won.won_count
    from months
    inner join won
        on months.month_end >= won.window_ends_on
        and {{ add_months('months.month_start', '1 - ' ~ var('trailing_months')) }} <= won.window_ends_on
        and {{ known_as_of('won', 'months.month_end') }}
),

final as (
    select as_of, window_name, stage, sum(open_count) as open_count, sum(won_count) as won_count
    from counted
    group by as_of, window_name, stage
    union all
    select as_of, window_name, null as stage, sum(open_count) as open_count, sum(won_count) as won_count
    from counted
    group by as_of, window_name
)

select * from final
