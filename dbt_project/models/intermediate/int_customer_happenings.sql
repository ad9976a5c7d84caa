{# What happens to a customer, one select per kind; daily product usage is not a happening. #}
with spells as (
    select * from {{ ref('int_customer_spells') }}
),

periods as (
    select * from {{ ref('int_subscription_periods') }}
),

transactions as (
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
    select * from {{ ref('stg_raw__account_actions') }}
    where {{ is_newest() }}
),

final as (
    select
        account_id,
        cast(null as varchar) as lead_id,
        case when spell_number = 1 then 'became_customer' else 'reactivated' end as kind,
        cast(spell_number as varchar) as detail,
        cast(null as decimal(18, 2)) as amount,
        'customer_spells' as table_name,
        account_id as row_key,
        started_on as happened_on
    from spells
    union all
    select account_id, null, 'churned', cast(spell_number as varchar), null, 'customer_spells', account_id, ended_on
    from spells
    union all
    select account_id, null, 'subscription_started', plan, mrr, 'subscriptions', subscription_id, started_on
    from periods
    union all
    select account_id, null, kind, currency, revenue_amount, 'transactions', transaction_id, occurred_on
    from transactions
    union all
    select account_id, null, 'ticket_opened', priority, null, 'support_tickets', ticket_id, opened_on
    from tickets
    union all
    select account_id, null, 'survey_answered', kind, null, 'survey_responses', response_id, responded_on
    from responses
    union all
    select account_id, null, 'action_taken', kind, null, 'account_actions', action_id, started_on
    from actions
)

select * from final
