with months as (
    select * from {{ ref('int_month_spine') }}
    where is_complete
),

pipeline as (
    select * from {{ ref('fct_pipeline_monthly') }}
),

deals as (
    select * from {{ ref('int_deals_enriched') }}
    where closed_on is not null
),

open_deals as (
    select
        as_of,
        sum(open_count) as open_count
    from pipeline
    group by as_of
),

closed as (
    select
        months.month_end as as_of,
        count(*) as closed_count,
        sum(case when deals.is_won then 1 else 0 end) as won_count,
        sum(case when deals.is_won then deals.amount end) as won_amount,
        sum({{ day_diff('deals.created_on', 'deals.closed_on') }}) as closed_cycle_days
    from months
    inner join deals
        on months.month_end >= deals.closed_on
        and {{ add_months('months.month_start', '1 - ' ~ var('trailing_months')) }} <= deals.closed_on
    group by months.month_end
),

joined as (
    select
        closed.*,
        coalesce(open_deals.open_count, 0) as open_count
    from closed
    left join open_deals on closed.as_of = open_deals.as_of
),

final as (
    select
        as_of,
        cast(open_count as bigint) as open_count,
        closed_count,
        cast(won_count as bigint) as won_count,
        cast(coalesce(won_amount, 0) as decimal(18, 2)) as won_amount,
        cast(closed_cycle_days as bigint) as closed_cycle_days,
        {{ metric_of_columns('trailing_win_rate') }} as win_rate,
        {{ metric_of_columns('mean_won_amount') }} as mean_won_amount,
        {{ metric_of_columns('mean_cycle_days') }} as mean_cycle_days,
        {{ metric_of_columns('pipeline_velocity') }} as velocity_per_day_amount
    from joined
)

select * from final
