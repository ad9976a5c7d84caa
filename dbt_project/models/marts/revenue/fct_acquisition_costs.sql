with observation as (
    select * from {{ ref('int_observation_window') }}
),

spend as (
    select * from {{ ref('int_marketing_spend_converted') }}
    where {{ is_newest() }}
),

new_customers as (
    select * from {{ ref('int_new_customers') }}
),

values_by_month as (
    select * from {{ ref('int_customer_value_by_month') }}
),

sides as (
    select {{ month_start('spend.month') }} as month_start, spend.amount as spend_amount, 0 as new_customers_count
    from spend
    cross join observation
    where spend.month <= observation.data_until
    union all
    select month_start, 0 as spend_amount, 1 as new_customers_count
    from new_customers
    union all
    select month_start, 0 as spend_amount, 0 as new_customers_count
    from values_by_month
),

acquired as (
    select
        month_start,
        cast(sum(spend_amount) as decimal(18, 2)) as spend_amount,
        cast(sum(new_customers_count) as bigint) as new_customers_count
    from sides
    group by month_start
),

joined as (
    select
        acquired.*,
        values_by_month.revenue_amount,
        values_by_month.customers_count,
        values_by_month.arpa_amount,
        values_by_month.gross_margin_ratio,
        values_by_month.at_risk_12m_count,
        values_by_month.churned_12m_count,
        values_by_month.monthly_churn_rate,
        values_by_month.ltv_amount,
        coalesce(values_by_month.is_complete, false) as is_complete
    from acquired
    left join values_by_month on acquired.month_start = values_by_month.month_start
),

final as (
    select
        month_start,
        spend_amount,
        new_customers_count,
        {{ metric_of_columns('cac') }} as cac_amount,
        revenue_amount,
        customers_count,
        arpa_amount,
        gross_margin_ratio,
        at_risk_12m_count,
        churned_12m_count,
        monthly_churn_rate,
        ltv_amount,
        {{ metric_of_columns('payback_months') }} as payback_months,
        {{ metric_of_columns('ltv_cac_ratio') }} as ltv_cac_ratio,
        is_complete
    from joined
)

select * from final
