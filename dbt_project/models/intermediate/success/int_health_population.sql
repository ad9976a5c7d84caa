{# A contractual customer in the gap between two contracts is left out: on that day nobody could know whether it would
   come back, so the ones that did must not be told from the ones that did not. #}
with customers as (
    select * from {{ ref('int_customers_by_month') }}
),

months as (
    select * from {{ ref('int_month_spine') }}
),

spells as (
    select * from {{ ref('int_customer_spells') }}
),

mrr as (
    select * from {{ ref('int_mrr_by_month') }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
),

final as (
    select
        customers.account_id,
        customers.month_start,
        months.is_complete,
        months.measured_on,
        max(spells.started_on) as customer_since_on
    from customers
    cross join observation
    inner join months on customers.month_start = months.month_start
    inner join spells
        on customers.account_id = spells.account_id and spells.started_on <= months.measured_on
    left join mrr on customers.account_id = mrr.account_id and customers.month_start = mrr.month_start
    where observation.is_transactional or mrr.mrr > 0
    group by customers.account_id, customers.month_start, months.is_complete, months.measured_on
)

select * from final
