{#
    The shape of a finding, so that every family of rules gives the same columns.
    `key`, `message`, `happened_on`, `rows_count` and `source` are SQL; `rule` and `table` are names.
#}
{% macro finding(rule, table, key, message, happened_on, rows_count=1, source='source') -%}
    '{{ rule }}' as rule,
        {{ source }} as source,
        '{{ table }}' as table_name,
        {{ key }} as row_key,
        {{ message }} as message,
        cast({{ rows_count }} as bigint) as rows_count,
        {{ happened_on }} as happened_on
{%- endmacro %}

{# The raw tables of the source contract. #}
{% macro raw_tables() -%}
    {{ return([
        'accounts', 'leads', 'lead_stage_events', 'touchpoints', 'deals', 'deal_stage_events', 'subscriptions',
        'transactions', 'product_usage', 'support_tickets', 'survey_responses', 'marketing_spend', 'account_actions'
    ]) }}
{%- endmacro %}

{# The families of rules, each a model `int_findings_<family>`. #}
{% macro finding_families() -%}
    {{ return([
        'stages', 'scores', 'stale', 'churn', 'duplicates', 'orphans', 'money', 'deals', 'usage', 'service', 'profiles',
        'landing'
    ]) }}
{%- endmacro %}

{# The instant at which this run of dbt began, in UTC: the same for every model of the run. #}
{% macro run_instant() -%}
    cast('{{ run_started_at.strftime("%Y-%m-%d %H:%M:%S.%f") }}' as timestamp)
{%- endmacro %}

{# A list of texts as one text. #}
{% macro joined_text(list) -%}
    {{ return(adapter.dispatch('joined_text')(list)) }}
{%- endmacro %}

{% macro default__joined_text(list) -%}
    array_to_string({{ list }}, '; ')
{%- endmacro %}

{% macro spark__joined_text(list) -%}
    array_join({{ list }}, '; ')
{%- endmacro %}
