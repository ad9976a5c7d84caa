{# Days that invoices waited for their payment, so far for those not paid by then; only kinds of transactions for which
   the source says when they are paid. #}
with population as (
    select * from {{ ref('int_health_population') }}
),

transactions as (
    select * from {{ ref('int_transactions_signed') }}
),

invoices as (
    select
        transactions.*,
        max(paid_on) over (partition by source, kind) is not null as says_when_paid
    from transactions
    where not is_refund and revenue_amount > 0
),

placed as (
    select
        population.account_id,
        population.month_start,
        greatest({{ day_diff(
            'invoices.occurred_on', 'least(coalesce(invoices.paid_on, population.measured_on), population.measured_on)'
        ) }}, 0) as waited_days
    from population
    inner join invoices
        on
        population.account_id = invoices.account_id
        and {{ within_days('invoices.occurred_on', 'population.measured_on', var('payment_window_days')) }}
    where invoices.says_when_paid
),

final as (
    select
        account_id,
        month_start,
        {{ ratio('sum(waited_days)', 'count(*)') }} as payment_days
    from placed
    group by account_id, month_start
)

select * from final
