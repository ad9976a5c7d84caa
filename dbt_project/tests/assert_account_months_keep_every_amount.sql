-- The months of the accounts add up to all recurring and all invoiced revenue: none is lost or counted twice.
{{ config(meta={'dagster': {'ref': {'name': 'fct_account_months'}}}) }}
with reported as (
    select
        coalesce(sum(mrr), 0) as mrr,
        coalesce(sum(revenue_amount), 0) as revenue_amount
    from {{ ref('fct_account_months') }}
),

recurring as (
    select coalesce(sum(mrr), 0) as mrr from {{ ref('int_mrr_by_month') }}
),

transacted as (
    select coalesce(sum(revenue_amount), 0) as revenue_amount from {{ ref('int_transactions_signed') }}
)

select
    reported.mrr,
    recurring.mrr as expected_mrr,
    reported.revenue_amount,
    transacted.revenue_amount as expected_revenue_amount
from reported
cross join recurring
cross join transacted
where reported.mrr <> recurring.mrr or reported.revenue_amount <> transacted.revenue_amount
