with months as (
    select * from {{ ref('int_month_spine') }}
),

revenue as (
    select * from {{ ref('int_revenue_by_month') }}
),

churn as (
    select * from {{ ref('int_churn_by_month') }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
),

earned as (
    select
        revenue.month_start,
        sum(case when observation.is_contractual then revenue.mrr else revenue.revenue_amount end) as revenue_amount,
        sum(case when revenue.is_customer then 1 else 0 end) as customers_count
    from revenue
    cross join observation
    group by revenue.month_start
),

measured as (
    select
        months.month_start,
        coalesce(earned.revenue_amount, 0) as revenue_amount,
        coalesce(earned.customers_count, 0) as customers_count,
        observation.gross_margin_ratio,
        churn.at_risk_12m_count,
        churn.churned_12m_count,
        months.is_complete
    from months
    cross join observation
    inner join churn on months.month_start = churn.month_start
    left join earned on months.month_start = earned.month_start
),

final as (
    select
        month_start,
        cast(revenue_amount as decimal(18, 2)) as revenue_amount,
        cast(customers_count as bigint) as customers_count,
        {{ metric_of_columns('arpa') }} as arpa_amount,
        gross_margin_ratio,
        at_risk_12m_count,
        churned_12m_count,
        {{ metric_of_columns('trailing_churn_rate') }} as monthly_churn_rate,
        {{ metric_of_columns('arpa') }} * gross_margin_ratio as monthly_margin_amount,
        {{ metric_of_columns('ltv') }} as ltv_amount,
        is_complete
    from measured
)

select * from final
