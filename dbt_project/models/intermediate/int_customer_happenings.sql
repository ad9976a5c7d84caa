{# What happens to a customer beside its contracts, one select per kind; daily product usage is not a happening. #}
with transactions as (
    select * from {{ ref('int_transactions_signed') }}
),

tickets as (
    select * from {{ ref('stg_raw__support_tickets') }}
    where {{ is_newest() }}
),

responses as (
    select * from {{ ref('stg_raw__survey_responses') }}
    where {{ is_newest() }}
),

actions as (
    select
        *,
        case when holdout then 'action_withheld' else 'action_taken' end as happening
    from {{ ref('stg_raw__account_actions') }}
    where {{ is_newest() }}
),

final as (
    select
        account_id,
        cast(null as varchar) as lead_id,
        kind,
        currency as detail,
        cast(revenue_amount as decimal(18, 2)) as amount,
        cast(null as double) as score,
        'transactions' as table_name,
        transaction_id as row_key,
        occurred_on as happened_on
    from transactions
    union all
    select account_id, null, 'ticket_opened', priority, null, null, 'support_tickets', ticket_id, opened_on
    from tickets
    union all
    select account_id, null, 'ticket_resolved', priority, null, csat, 'support_tickets', ticket_id, resolved_on
    from tickets
    union all
    select account_id, null, 'survey_answered', kind, null, score, 'survey_responses', response_id, responded_on
    from responses
    union all
    select account_id, null, happening, kind, null, null, 'account_actions', action_id, started_on
    from actions
)

select * from final
