with outcomes as (
    select * from {{ ref('int_forecast_outcomes') }}
),

closed_records as (
    select * from {{ ref('int_deal_records_as_of') }}
),

window_records as (
    select * from {{ ref('int_forecast_records_as_of') }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
),

compared as (
    select
        outcomes.*,
        coalesce(closed_of_stage.won_count, closed_of_all.won_count) as historical_won_count,
        coalesce(closed_of_stage.closed_count, closed_of_all.closed_count) as historical_closed_count,
        coalesce(window_of_stage.won_count, window_of_all.won_count) as earlier_won_count,
        coalesce(window_of_stage.open_count, window_of_all.open_count) as earlier_open_count
    from outcomes
    left join closed_records as closed_of_stage
        on outcomes.as_of = closed_of_stage.as_of and outcomes.stage = closed_of_stage.stage
    left join closed_records as closed_of_all
        on outcomes.as_of = closed_of_all.as_of and closed_of_all.stage is null
    left join window_records as window_of_stage
        on outcomes.as_of = window_of_stage.as_of
        and outcomes.window_name = window_of_stage.window_name
        and outcomes.stage = window_of_stage.stage
    left join window_records as window_of_all
        on outcomes.as_of = window_of_all.as_of
        and outcomes.window_name = window_of_all.window_name
        and window_of_all.stage is null
),

final as (
    select
        compared.as_of,
        compared.window_name,
        compared.stage,
        compared.forecast_category,
        compared.window_days,
        compared.open_count,
        cast(compared.without_probability_count as bigint) as without_probability_count,
        cast(compared.won_count as bigint) as won_count,
        cast(compared.lost_count as bigint) as lost_count,
        cast(compared.open_count - compared.won_count - compared.lost_count as bigint) as still_open_count,
        {% for count in [
            'historical_won_count', 'historical_closed_count', 'earlier_won_count', 'earlier_open_count'
        ] -%}
        cast(compared.{{ count }} as bigint) as {{ count }},
        {% endfor -%}
        cast(compared.open_amount as decimal(18, 2)) as open_amount,
        cast(coalesce(compared.source_weighted_amount, 0) as double) as source_weighted_amount,
        cast(compared.open_amount as double)
        * {{ ratio('compared.historical_won_count', 'compared.historical_closed_count') }}
            as historical_weighted_amount,
        cast(compared.open_amount as double)
        * {{ ratio('compared.earlier_won_count', 'compared.earlier_open_count') }} as earlier_weighted_amount,
        cast(coalesce(compared.won_amount, 0) as decimal(18, 2)) as won_amount,
        {{ ratio('compared.historical_won_count', 'compared.historical_closed_count') }} as historical_win_rate,
        {{ ratio('compared.earlier_won_count', 'compared.earlier_open_count') }} as earlier_win_rate,
        coalesce(
            compared.window_ends_on <= observation.data_until,
            compared.open_count = compared.won_count + compared.lost_count
        ) as is_mature,
        compared.window_ends_on
    from compared
    cross join observation
)

select * from final
