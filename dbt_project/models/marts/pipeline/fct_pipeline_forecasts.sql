with open_deals as (
    select * from {{ ref('fct_open_deals_monthly') }}
),

windows as (
    select * from {{ ref('forecast_windows') }}
),

records as (
    select * from {{ ref('int_deal_records_as_of') }}
),

deals as (
    select * from {{ ref('int_deals_enriched') }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
),

forecast as (
    select
        open_deals.deal_id,
        open_deals.stage,
        open_deals.forecast_category,
        open_deals.amount,
        open_deals.source_probability,
        open_deals.weighted_amount,
        windows.window_name,
        windows.window_days,
        open_deals.as_of,
        {{ add_days('open_deals.as_of', 'windows.window_days') }} as window_ends_on
    from open_deals
    inner join windows
        on coalesce(
            {{ add_days('open_deals.as_of', 'windows.window_days') }} >= open_deals.expected_close_on,
            windows.window_days is null
        )
),

compared as (
    select
        forecast.*,
        coalesce(by_stage.won_count, over_all.won_count) as historical_won_count,
        coalesce(by_stage.closed_count, over_all.closed_count) as historical_closed_count,
        deals.amount as final_amount,
        case
            when forecast.window_days is null or deals.closed_on <= forecast.window_ends_on then deals.outcome
            else 'open'
        end as outcome_in_window
    from forecast
    left join records as by_stage
        on forecast.as_of = by_stage.as_of and forecast.stage = by_stage.stage
    left join records as over_all
        on forecast.as_of = over_all.as_of and over_all.stage is null
    left join deals on forecast.deal_id = deals.deal_id
),

summed_up as (
    select
        stage,
        forecast_category,
        window_name,
        window_days,
        as_of,
        window_ends_on,
        historical_won_count,
        historical_closed_count,
        count(*) as open_count,
        sum(case when source_probability is null then 1 else 0 end) as without_probability_count,
        sum(case when outcome_in_window = 'won' then 1 else 0 end) as won_count,
        sum(case when outcome_in_window = 'lost' then 1 else 0 end) as lost_count,
        sum(amount) as open_amount,
        sum(weighted_amount) as source_weighted_amount,
        sum(case when outcome_in_window = 'won' then final_amount end) as won_amount
    from compared
    group by
        stage, forecast_category, window_name, window_days, as_of, window_ends_on, historical_won_count,
        historical_closed_count
),

final as (
    select
        summed_up.stage,
        summed_up.forecast_category,
        summed_up.window_name,
        summed_up.window_days,
        summed_up.open_count,
        cast(summed_up.without_probability_count as bigint) as without_probability_count,
        cast(summed_up.won_count as bigint) as won_count,
        cast(summed_up.lost_count as bigint) as lost_count,
        cast(summed_up.open_count - summed_up.won_count - summed_up.lost_count as bigint) as still_open_count,
        cast(summed_up.historical_won_count as bigint) as historical_won_count,
        summed_up.historical_closed_count,
        cast(coalesce(summed_up.open_amount, 0) as decimal(18, 2)) as open_amount,
        cast(coalesce(summed_up.source_weighted_amount, 0) as double) as source_weighted_amount,
        cast(coalesce(summed_up.open_amount, 0) as double)
        * {{ ratio('summed_up.historical_won_count', 'summed_up.historical_closed_count') }}
            as historical_weighted_amount,
        cast(coalesce(summed_up.won_amount, 0) as decimal(18, 2)) as won_amount,
        {{ ratio('summed_up.historical_won_count', 'summed_up.historical_closed_count') }} as historical_win_rate,
        coalesce(
            summed_up.window_ends_on <= observation.data_until,
            summed_up.open_count = summed_up.won_count + summed_up.lost_count
        ) as is_mature,
        summed_up.as_of,
        summed_up.window_ends_on
    from summed_up
    cross join observation
)

select * from final
