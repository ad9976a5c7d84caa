with spend as (
    select * from {{ ref('int_marketing_spend_converted') }}
    where {{ is_newest() }}
),

first_days as (
    select * from {{ ref('int_account_first_days') }}
    where first_customer_on is not null
),

revenue as (
    select * from {{ ref('fct_monthly_revenue') }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
),

sides as (
    select {{ month_start('month') }} as month_start, amount as spend_amount, 0 as new_customers_count
    from spend
    union all
    select {{ month_start('first_customer_on') }} as month_start, 0 as spend_amount, 1 as new_customers_count
    from first_days
),

acquired as (
    select
        month_start,
        sum(spend_amount) as spend_amount,
        sum(new_customers_count) as new_customers_count
    from sides
    group by month_start
),

earned as (
    select
        month_start,
        cast(sum(target_amount) as double) / nullif(sum(customers_count), 0) as arpa_amount
    from revenue
    group by month_start
),

final as (
    select
        acquired.month_start,
        cast(acquired.spend_amount as decimal(18, 2)) as spend_amount,
        cast(acquired.new_customers_count as bigint) as new_customers_count,
        cast(acquired.spend_amount as double) / nullif(acquired.new_customers_count, 0) as cac_amount,
        earned.arpa_amount,
        cast(acquired.spend_amount as double) / nullif(acquired.new_customers_count, 0)
        / nullif(earned.arpa_amount * observation.gross_margin_ratio, 0) as payback_months
    from acquired
    cross join observation
    left join earned on acquired.month_start = earned.month_start
)

select * from final
