{# What happened until an account became a customer, one select per kind. #}
with touchpoints as (
    select * from {{ ref('stg_raw__touchpoints') }}
    where {{ is_newest() }}
),

stage_spells as (
    select * from {{ ref('int_lead_stage_spells') }}
),

deals as (
    select * from {{ ref('int_deals_enriched') }}
),

deal_stage_events as (
    select * from {{ ref('stg_raw__deal_stage_events') }}
    where {{ is_newest() }}
),

deal_stages as (
    select
        deals.account_id,
        deals.lead_id,
        deal_stage_events.event_id,
        deal_stage_events.stage,
        deal_stage_events.entered_on
    from deal_stage_events
    left join deals on deal_stage_events.deal_id = deals.deal_id
),

final as (
    select
        account_id,
        lead_id,
        'touchpoint' as kind,
        kind as detail,
        cast(null as decimal(18, 2)) as amount,
        cast(null as double) as score,
        'touchpoints' as table_name,
        touchpoint_id as row_key,
        occurred_on as happened_on
    from touchpoints
    union all
    select
        null, lead_id, 'stage_entered', stage, null, null,
        'lead_stage_spells', concat(lead_id, ':', cast(sequence_number as varchar)), entered_on
    from stage_spells
    union all
    select account_id, lead_id, 'deal_opened', pipeline, amount, null, 'deals', deal_id, created_on
    from deals
    union all
    select account_id, lead_id, 'deal_stage_entered', stage, null, null, 'deal_stage_events', event_id, entered_on
    from deal_stages
    union all
    select account_id, lead_id, 'deal_closed', outcome, amount, null, 'deals', deal_id, closed_on
    from deals
)

select * from final
