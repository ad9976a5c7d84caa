{# What happened until an account became a customer, one select per kind. #}
with touchpoints as (
    select * from {{ ref('stg_raw__touchpoints') }}
    where {{ is_newest() }}
),

entries as (
    select * from {{ ref('int_lead_stage_entries') }}
    where is_dated
),

deals as (
    select * from {{ ref('int_deals_enriched') }}
),

closed_deals as (
    select * from deals
    where not is_open
),

final as (
    select
        account_id,
        lead_id,
        'touchpoint' as kind,
        kind as detail,
        cast(null as decimal(18, 2)) as amount,
        'touchpoints' as table_name,
        touchpoint_id as row_key,
        occurred_on as happened_on
    from touchpoints
    union all
    select null, lead_id, 'stage_entered', stage, null, 'lead_stage_events', lead_id, entered_on
    from entries
    union all
    select account_id, lead_id, 'deal_opened', pipeline, amount, 'deals', deal_id, created_on
    from deals
    union all
    select account_id, lead_id, 'deal_closed', outcome, amount, 'deals', deal_id, closed_on
    from closed_deals
)

select * from final
