-- Every customer under contract, or active in a shop, has one row a month, nobody else has one, and scores are scores.
{{ config(meta={'dagster': {'ref': {'name': 'fct_account_health_monthly'}}}) }}
with health as (
    select * from {{ ref('fct_account_health_monthly') }}
),

customers as (
    select customers.account_id, customers.month_start
    from {{ ref('int_customers_by_month') }} as customers
    cross join {{ ref('int_observation_window') }} as observation
    left join {{ ref('int_mrr_by_month') }} as mrr
        on customers.account_id = mrr.account_id and customers.month_start = mrr.month_start
    where observation.is_transactional or mrr.mrr > 0
)

select
    customers.account_id,
    health.account_id as scored_account_id
from customers
full outer join health on customers.account_id = health.account_id and customers.month_start = health.month_start
where
    customers.account_id is null
    or health.account_id is null
    or health.health_score not between 0 and 100
    or (health.health_score is null) <> (health.weight_sum = 0)
    or (health.health_band is null) <> (health.health_score is null)
