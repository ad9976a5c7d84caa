-- The accounts that are active at a month end are the customers counted elsewhere.
{{ config(meta={'dagster': {'ref': {'name': 'fct_account_months'}}}) }}
with active as (
    select account_id, month_start from {{ ref('fct_account_months') }}
    where is_active
),

customers as (
    select account_id, month_start from {{ ref('int_customers_by_month') }}
)

select
    coalesce(active.account_id, customers.account_id) as account_id,
    coalesce(active.month_start, customers.month_start) as month_start
from active
full join customers
    on active.account_id = customers.account_id
    and active.month_start = customers.month_start
where active.account_id is null or customers.account_id is null
