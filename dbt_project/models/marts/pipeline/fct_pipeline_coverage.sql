with months as (
    select * from {{ ref('int_month_spine') }}
    where is_complete
),

targets as (
    select * from {{ source('control', 'sales_targets') }}
),

closings as (
    select * from {{ ref('int_deal_closings_as_of') }}
    where is_won
),

open_deals as (
    select * from {{ ref('fct_open_deals_monthly') }}
    where forecast_category <> 'omitted'
),

won as (
    select
        as_of,
        {{ month_start('closed_on') }} as target_month,
        sum(amount) as won_amount
    from closings
    group by as_of, {{ month_start('closed_on') }}
),

expected as (
    select
        as_of,
        {{ month_start('expected_close_on') }} as target_month,
        count(*) as open_count,
        sum(amount) as open_amount,
        sum(weighted_amount) as weighted_amount,
        sum(case when forecast_category = 'commit' then amount end) as commit_amount,
        sum(case when forecast_category = 'best_case' then amount end) as best_case_amount
    from open_deals
    group by as_of, {{ month_start('expected_close_on') }}
),

planned as (
    select
        months.month_end as as_of,
        targets.month as target_month,
        cast(targets.amount as decimal(18, 2)) as target_amount,
        cast(coalesce(won.won_amount, 0) as decimal(18, 2)) as won_amount,
        cast(greatest(targets.amount - coalesce(won.won_amount, 0), 0) as decimal(18, 2)) as remaining_amount,
        coalesce(expected.open_count, 0) as open_count,
        cast(coalesce(expected.open_amount, 0) as decimal(18, 2)) as open_amount,
        cast(coalesce(expected.weighted_amount, 0) as double) as weighted_amount,
        cast(coalesce(expected.commit_amount, 0) as decimal(18, 2)) as commit_amount,
        cast(coalesce(expected.best_case_amount, 0) as decimal(18, 2)) as best_case_amount
    from months
    inner join targets on months.month_start <= targets.month
    left join won on months.month_end = won.as_of and targets.month = won.target_month
    left join expected on months.month_end = expected.as_of and targets.month = expected.target_month
),

final as (
    select
        as_of,
        target_month,
        open_count,
        target_amount,
        won_amount,
        remaining_amount,
        open_amount,
        commit_amount,
        best_case_amount,
        weighted_amount,
        {{ ratio('won_amount', 'target_amount') }} as attainment_ratio,
        {{ metric_of_columns('pipeline_coverage') }} as coverage_ratio,
        {{ ratio('weighted_amount', 'remaining_amount') }} as weighted_coverage_ratio
    from planned
)

select * from final
