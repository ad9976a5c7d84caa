-- Every row of every source is told exactly as often as it should be: a contract twice once it has ended, a ticket
-- twice once it is resolved, a touchpoint once.
{{ config(meta={'dagster': {'ref': {'name': 'fct_customer_journey'}}}) }}
{% set told = [
    ('touchpoints', 'touchpoint_id', 'stg_raw__touchpoints', 'occurred_on', true),
    ('deals', 'deal_id', 'int_deals_enriched', 'created_on', false),
    ('deals', 'deal_id', 'int_deals_enriched', 'closed_on', false),
    ('deal_stage_events', 'event_id', 'stg_raw__deal_stage_events', 'entered_on', true),
    ('lead_stage_spells', "concat(lead_id, ':', cast(sequence_number as varchar))", 'fct_lead_stage_spells', 'entered_on', false),
    ('customer_spells', 'account_id', 'fct_customer_spells', 'started_on', false),
    ('customer_spells', 'account_id', 'fct_customer_spells', 'ended_on', false),
    ('subscriptions', 'subscription_id', 'stg_raw__subscriptions', 'started_on', true),
    ('subscriptions', 'subscription_id', 'stg_raw__subscriptions', 'ended_on', true),
    ('transactions', 'transaction_id', 'int_transactions_signed', 'occurred_on', false),
    ('support_tickets', 'ticket_id', 'stg_raw__support_tickets', 'opened_on', true),
    ('support_tickets', 'ticket_id', 'stg_raw__support_tickets', 'resolved_on', true),
    ('survey_responses', 'response_id', 'stg_raw__survey_responses', 'responded_on', true),
    ('account_actions', 'action_id', 'stg_raw__account_actions', 'started_on', true)
] %}

with happened as (
    {% for table, key, model, day, has_versions in told -%}
    select '{{ table }}' as table_name, {{ key }} as row_key, {{ day }} as happened_on
    from {{ ref(model) }}
    {% if has_versions %}where {{ is_newest() }}
    {% endif %}
    {%- if not loop.last %}union all
    {% endif %}
    {%- endfor %}
),

expected as (
    select
        happened.table_name,
        happened.row_key,
        happened.happened_on,
        count(*) as rows_count
    from happened
    cross join {{ ref('int_observation_window') }} as observation
    where happened.happened_on <= observation.data_until
    group by happened.table_name, happened.row_key, happened.happened_on
),

reported as (
    select
        table_name,
        row_key,
        happened_on,
        count(*) as rows_count
    from {{ ref('fct_customer_journey') }}
    group by table_name, row_key, happened_on
)

select
    coalesce(expected.table_name, reported.table_name) as table_name,
    coalesce(expected.row_key, reported.row_key) as row_key,
    expected.rows_count,
    reported.rows_count as reported_rows_count
from expected
full join reported
    on expected.table_name = reported.table_name
    and expected.row_key = reported.row_key
    and expected.happened_on = reported.happened_on
where coalesce(expected.rows_count, 0) <> coalesce(reported.rows_count, 0)
