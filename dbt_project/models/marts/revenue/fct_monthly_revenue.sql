with account_months as (
    select * from {{ ref('int_revenue_by_month') }}
),

accounts as (
    select * from {{ ref('int_accounts_known') }}
),

months as (
    select * from {{ ref('int_month_spine') }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
),

series_months as (
    select
        accounts.region,
        accounts.segment,
        account_months.month_start,
        sum(account_months.mrr) as mrr,
        sum(account_months.revenue_amount) as revenue_amount,
        sum(case when account_months.is_customer then 1 else 0 end) as customers_count
    from account_months
    inner join accounts on account_months.account_id = accounts.account_id
    group by accounts.region, accounts.segment, account_months.month_start
),

first_months as (
    select min(month_start) as month_start from series_months
),

series as (
    select distinct
        region,
        segment
    from series_months
),

grid as (
    select
        months.month_start,
        months.is_complete,
        series.region,
        series.segment
    from months
    inner join first_months on months.month_start >= first_months.month_start
    cross join series
),

final as (
    select
        grid.month_start,
        grid.region,
        grid.segment,
        cast(coalesce(series_months.mrr, 0) as decimal(18, 2)) as mrr,
        cast(coalesce(series_months.revenue_amount, 0) as decimal(18, 2)) as revenue_amount,
        cast(
            case
                when observation.is_contractual then coalesce(series_months.mrr, 0)
                else coalesce(series_months.revenue_amount, 0)
            end as decimal(18, 2)
        ) as target_amount,
        cast(coalesce(series_months.customers_count, 0) as bigint) as customers_count,
        grid.is_complete
    from grid
    cross join observation
    left join series_months
        on grid.region = series_months.region
        and grid.segment = series_months.segment
        and grid.month_start = series_months.month_start
)

select * from final
