{# Every newest raw row that happened on a day, reduced to that day; what has been agreed for the future is left out. #}
{% set happened = {
    'leads': 'created_on', 'lead_stage_events': 'entered_on', 'touchpoints': 'occurred_on', 'deals': 'created_on',
    'deal_stage_events': 'entered_on', 'subscriptions': 'started_on', 'transactions': 'occurred_on',
    'product_usage': 'used_on', 'support_tickets': 'opened_on', 'survey_responses': 'responded_on',
    'account_actions': 'started_on'
} %}

with{% for table, day in happened.items() %}
{{ table }} as (
    select
        '{{ table }}' as table_name,
        {{ day }} as happened_on,
        count(*) as rows_count
    from {{ ref('stg_raw__' ~ table) }}
    where {{ is_newest() }} and {{ day }} is not null
    group by {{ day }}
),
{% endfor %}
final as (
    {% for table in happened -%}
    select * from {{ table }}
    {% if not loop.last %}union all
    {% endif %}
    {%- endfor %}
)

select * from final
