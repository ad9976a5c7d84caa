-- Regions and segments add up to what the accounts paid: nothing is lost or counted twice on the way.
{{ config(meta={'dagster': {'ref': {'name': 'fct_monthly_revenue'}}}) }}
with reported as (
    select
        coalesce(sum(mrr), 0) as mrr,
        coalesce(sum(revenue_amount), 0) as revenue_amount
    from {{ ref('fct_monthly_revenue') }}
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
