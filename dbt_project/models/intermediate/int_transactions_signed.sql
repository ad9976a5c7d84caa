with transactions as (
    select * from {{ ref('int_transactions_converted') }}
    where {{ is_newest() }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
),

observed as (
    select transactions.*
    from transactions
    cross join observation
    where transactions.occurred_on <= observation.data_until
),

payments as (
    select
        observed.*,
        max(paid_at) over (partition by source, kind) is not null as says_when_paid
    from observed
),

final as (
    select
        transaction_id,
        account_id,
        source,
        kind,
        currency,
        case when kind = 'refund' then -abs(amount) else amount end as revenue_amount,
        given_amount,
        kind = 'refund' as is_refund,
        kind <> 'refund' and amount > 0 and (paid_at is not null or not says_when_paid) as is_purchase,
        occurred_at,
        occurred_on,
        paid_on
    from payments
)

select * from final
