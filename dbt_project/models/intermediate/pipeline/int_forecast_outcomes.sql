{# What a month end predicted by window, and what is known now of the same deals at the end of the window. #}
with forecast_deals as (
    select * from {{ ref('int_forecast_deals_as_of') }}
),

deals as (
    select * from {{ ref('int_deals_enriched') }}
),

judged as (
    select
        forecast_deals.*,
        deals.amount as final_amount,
        case
            when forecast_deals.window_days is null or deals.closed_on <= forecast_deals.window_ends_on
                then deals.outcome
            else 'open'
        end as outcome_in_window
    from forecast_deals
    left join deals on forecast_deals.deal_id = deals.deal_id
),

final as (
    select
        stage,
        forecast_category,
        window_name,
        window_days,
        as_of,
        window_ends_on,
        count(*) as open_count,
        sum(case when source_probability is null then 1 else 0 end) as without_probability_count,
        sum(case when outcome_in_window = 'won' then 1 else 0 end) as won_count,
        sum(case when outcome_in_window = 'lost' then 1 else 0 end) as lost_count,
        coalesce(sum(amount), 0) as open_amount,
        sum(weighted_amount) as source_weighted_amount,
        sum(case when outcome_in_window = 'won' then final_amount end) as won_amount
    from judged
    group by stage, forecast_category, window_name, window_days, as_of, window_ends_on
)

select * from final
