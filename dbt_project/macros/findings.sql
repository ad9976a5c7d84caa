{#
    The shape of a finding, so that every family of rules gives the same columns.
    `key`, `message`, `first_seen` and `rows_count` are SQL; `rule` and `table` are names.
#}
{% macro finding(rule, table, key, message, first_seen, rows_count=1) -%}
    '{{ rule }}' as rule,
        '{{ table }}' as table_name,
        {{ key }} as row_key,
        {{ message }} as message,
        cast({{ rows_count }} as bigint) as rows_count,
        {{ first_seen }} as first_seen
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
