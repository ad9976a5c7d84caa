with forecasts as (
    select * from {{ ref('int_revenue_forecasts') }}
),

revenue as (
    select * from {{ ref('fct_monthly_revenue') }}
),

parts as (
    select month_start, region, segment, target_amount from revenue
    where is_complete
    union all
    select month_start, region, 'all' as segment, target_amount from revenue
    where is_complete
    union all
    select month_start, 'all' as region, segment, target_amount from revenue
    where is_complete
    union all
    select month_start, 'all' as region, 'all' as segment, target_amount from revenue
    where is_complete
),

actuals as (
    select
        month_start,
        region,
        segment,
        cast(sum(target_amount) as double) as actual_amount
    from parts
    group by month_start, region, segment
),

judged as (
    select
        forecasts.*,
        actuals.actual_amount,
        year_before.actual_amount as naive_amount,
        forecasts.forecast_amount - actuals.actual_amount as error_amount
    from forecasts
    inner join actuals
        on forecasts.month_start = actuals.month_start
        and forecasts.region = actuals.region
        and forecasts.segment = actuals.segment
    left join actuals as year_before
        on forecasts.region = year_before.region
        and forecasts.segment = year_before.segment
        and {{ add_months('forecasts.month_start', -12) }} = year_before.month_start
        and forecasts.origin >= {{ month_end('year_before.month_start') }}
),

final as (
    select
        region,
        segment,
        forecast_view,
        forecast_amount,
        lower_80,
        upper_80,
        lower_95,
        upper_95,
        actual_amount,
        naive_amount,
        error_amount,
        abs(error_amount) as absolute_error_amount,
        case when naive_amount is not null then abs(error_amount) end as compared_error_amount,
        abs(naive_amount - actual_amount) as naive_absolute_error_amount,
        cast(
            (extract(year from month_start) - extract(year from origin)) * 12
            + extract(month from month_start) - extract(month from origin) as integer
        ) as horizon_months,
        actual_amount between lower_80 and upper_80 as is_within_80,
        actual_amount between lower_95 and upper_95 as is_within_95,
        origin,
        month_start
    from judged
)

select * from final
