-- Of the deals of a forecast each is won, lost or still open, a longer window never holds fewer deals, and nothing is
-- won of deals that were not in it.
with forecasts as (
    select * from {{ ref('fct_pipeline_forecasts') }}
),

ordered as (
    select
        *,
        lag(open_count) over (
            partition by as_of, stage, forecast_category order by coalesce(window_days, 100000)
        ) as shorter_open_count,
        lag(won_count) over (
            partition by as_of, stage, forecast_category order by coalesce(window_days, 100000)
        ) as shorter_won_count
    from forecasts
)

select * from ordered
where
    open_count <> won_count + lost_count + still_open_count
    or still_open_count < 0
    or open_count < shorter_open_count
    or won_count < shorter_won_count
    or (won_count = 0 and won_amount <> 0)
