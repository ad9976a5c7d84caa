-- Each kind of attribution shares out exactly the new customers of a month, and the channels' spend is all there is.
{{ config(meta={'dagster': {'ref': {'name': 'fct_channel_acquisition'}}}) }}
with channels as (
    select
        month_start,
        sum(spend_amount) as spend_amount,
        sum(first_touch_customers_count) as first_touch_count,
        sum(last_touch_customers_count) as last_touch_count,
        sum(position_customers_count) as position_count
    from {{ ref('fct_channel_acquisition') }}
    group by month_start
),

company as (
    select * from {{ ref('fct_acquisition_costs') }}
),

customers as (
    select
        count(*) as rows_count,
        count(distinct account_id) as customers_count
    from {{ ref('int_customer_touches') }}
    where touch_number = 1
),

new_customers as (
    select count(*) as customers_count from {{ ref('int_new_customers') }}
)

select
    company.month_start,
    company.new_customers_count,
    channels.first_touch_count
from company
full outer join channels on company.month_start = channels.month_start
where
    company.month_start is null
    or (channels.month_start is null and company.spend_amount + company.new_customers_count <> 0)
    or company.spend_amount <> channels.spend_amount
    or company.new_customers_count <> channels.first_touch_count
    or company.new_customers_count <> channels.last_touch_count
    or abs(company.new_customers_count - channels.position_count) > 0.000001
union all
select
    null as month_start,
    new_customers.customers_count as new_customers_count,
    customers.rows_count as first_touch_count
from customers
cross join new_customers
where customers.rows_count <> new_customers.customers_count
