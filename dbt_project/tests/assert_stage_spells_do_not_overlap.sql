-- A lead, and an account, is in one stage at a time: each stay ends on the day on which the next one begins.
{{ config(meta={'dagster': {'ref': {'name': 'fct_account_stage_spells'}}}) }}
with spells as (
    select 'lead' as entity, lead_id as entity_id, sequence_number, is_current, entered_on, exited_on
    from {{ ref('fct_lead_stage_spells') }}
    union all
    select 'account', account_id, sequence_number, is_current, entered_on, exited_on
    from {{ ref('fct_account_stage_spells') }}
),

compared as (
    select
        *,
        lead(entered_on) over (partition by entity, entity_id order by sequence_number) as next_entered_on
    from spells
)

select * from compared
where
    exited_on < entered_on
    or is_current <> (next_entered_on is null)
    or coalesce(exited_on <> next_entered_on, exited_on is not null or next_entered_on is not null)
