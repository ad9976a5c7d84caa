{# Rows that name a parent which is not there; a source that lands no parents at all has no orphans. #}
{% set references = [
    ('leads', 'lead_id', 'account_id', 'accounts'),
    ('lead_stage_events', 'event_id', 'lead_id', 'leads'),
    ('touchpoints', 'touchpoint_id', 'lead_id', 'leads'),
    ('touchpoints', 'touchpoint_id', 'account_id', 'accounts'),
    ('deals', 'deal_id', 'account_id', 'accounts'),
    ('deals', 'deal_id', 'lead_id', 'leads'),
    ('deal_stage_events', 'event_id', 'deal_id', 'deals'),
    ('subscriptions', 'subscription_id', 'account_id', 'accounts'),
    ('transactions', 'transaction_id', 'account_id', 'accounts'),
    ('product_usage', 'usage_id', 'account_id', 'accounts'),
    ('product_usage', 'usage_id', 'subscription_id', 'subscriptions'),
    ('support_tickets', 'ticket_id', 'account_id', 'accounts'),
    ('survey_responses', 'response_id', 'account_id', 'accounts'),
    ('account_actions', 'action_id', 'account_id', 'accounts')
] %}
{% set parents = {
    'accounts': 'account_id', 'leads': 'lead_id', 'deals': 'deal_id', 'subscriptions': 'subscription_id'
} %}

with{% for parent, key in parents.items() %}
parent_{{ parent }} as (
    select {{ key }} from {{ ref('stg_raw__' ~ parent) }}
    where {{ is_newest() }}
),
{% endfor %}
final as (
    {% for table, key, reference, parent in references -%}
    select
        {{ finding(
            'orphan_' ~ reference[:-3], table, 'child.' ~ key,
            "concat('" ~ reference ~ " ', child." ~ reference ~ ", ' is not in " ~ parent ~ ".')", 'child.known_on',
            source='child.source'
        ) }}
    from {{ ref('stg_raw__' ~ table) }} as child
    left join parent_{{ parent }} as parent on child.{{ reference }} = parent.{{ reference }}
    where
        {{ is_newest('child') }}
        and child.{{ reference }} is not null
        and parent.{{ reference }} is null
        and exists (select 1 from parent_{{ parent }})
    {% if not loop.last %}union all
    {% endif %}
    {%- endfor %}
)

select * from final
