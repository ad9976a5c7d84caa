{# Tickets and answers that cannot be as they are. #}
with tickets as (
    select * from {{ ref('stg_raw__support_tickets') }}
    where {{ is_newest() }}
),

responses as (
    select * from {{ ref('stg_raw__survey_responses') }}
    where {{ is_newest() }}
),

accounts as (
    select * from {{ ref('stg_raw__accounts') }}
    where {{ is_newest() }}
),

spells as (
    select * from {{ ref('int_account_spell_states') }}
    where not is_active
),

scales as (
    select * from {{ ref('survey_scales') }}
),

final as (
    select {{ finding(
        'ticket_after_churn', 'support_tickets', 'tickets.ticket_id',
        "concat('Opened on ', cast(tickets.opened_on as varchar), ', account churned on '"
        ~ ", cast(spells.churned_on as varchar), '.')", 'tickets.known_on', source='tickets.source'
    ) }}
    from tickets
    inner join spells on tickets.account_id = spells.account_id
    where tickets.opened_on > spells.churned_on
    union all
    select {{ finding(
        'ticket_before_signup', 'support_tickets', 'tickets.ticket_id',
        "concat('Opened on ', cast(tickets.opened_on as varchar), ', account created on '"
        ~ ", cast(accounts.created_on as varchar), '.')", 'tickets.known_on', source='tickets.source'
    ) }}
    from tickets
    inner join accounts on tickets.account_id = accounts.account_id
    where tickets.opened_on < accounts.created_on
    union all
    select {{ finding(
        'ticket_resolved_before_opened', 'support_tickets', 'ticket_id',
        "concat('Opened at ', cast(opened_at as varchar), ', resolved at ', cast(resolved_at as varchar), '.')",
        'known_on'
    ) }}
    from tickets
    where resolved_at < opened_at
    union all
    select {{ finding(
        'survey_score_out_of_range', 'survey_responses', 'responses.response_id',
        "concat('Score ', cast(responses.score as varchar), ' of a ', responses.kind, ' survey.')",
        'responses.known_on', source='responses.source'
    ) }}
    from responses
    inner join scales on responses.kind = scales.kind
    where responses.score < scales.lowest_score or responses.score > scales.highest_score
)

select * from final
