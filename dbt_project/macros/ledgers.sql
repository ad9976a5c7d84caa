{#
    Reading the append-only ledgers that the pipeline itself writes after the warehouse (predictions, trainings).
    They are no sources of dbt: as such they would depend on the very marts that read them. A mart shows the ledger as
    the run before left it.
#}

{# The ledger's rows with these columns, cast to these types; no rows while the ledger does not exist. #}
{% macro ledger_rows(schema, table, columns) -%}
    {%- set relation = adapter.get_relation(target.database, schema, table) if execute else none -%}
    select
        {% for name, type in columns.items() -%}
        cast({{ name if relation else 'null' }} as {{ type }}) as {{ name }}{{ ',' if not loop.last }}
        {% endfor -%}
    {%- if relation %}
    from {{ relation }}
    {%- else %}
    where 1 = 0
    {%- endif -%}
{%- endmacro %}
