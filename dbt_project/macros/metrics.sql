{#
    A metric's formula, written once in models/metrics/, as SQL for a column of a mart.
    Does not belong here: any formula. Marts that show a metric as a column render it with these macros.
#}

{# The metric over columns of the row at hand: numerator and denominator stand beside it, already added up.
   `columns`: the definition's column to the one that stands for it here, where the names differ. #}
{% macro metric_of_columns(name, columns={}) -%}
    {%- set ns = namespace(sql=_metric_sql(name, 'columns')) -%}
    {%- for defined, here in columns.items() -%}
        {%- set ns.sql = modules.re.sub('\\b' ~ defined ~ '\\b', here, ns.sql) -%}
    {%- endfor -%}
    {{ ns.sql }}
{%- endmacro %}

{# The metric over the rows of a group, as an aggregate. #}
{% macro metric_of_rows(name) -%}
    {{ _metric_sql(name, 'rows') }}
{%- endmacro %}

{# The definitions come from metric_definitions.sql: dbt's graph, which has them too, is empty in unit tests. #}
{% macro _metric_sql(name, form) -%}
    {%- set definition = metric_definitions()[name] -%}
    {%- if definition.type == 'ratio' -%}
        cast({{ _metric_sql(definition.numerator, form) }} as double)
        / nullif(cast({{ _metric_sql(definition.denominator, form) }} as double), 0)
    {%- elif definition.type == 'derived' -%}
        {{ _derived_metric_sql(definition, form) }}
    {%- else -%}
        {{ _measure_sql(definition.measure, form) }}
    {%- endif -%}
{%- endmacro %}

{# The expression with each input in the place of its name. #}
{% macro _derived_metric_sql(definition, form) -%}
    {%- set ns = namespace(sql=definition.expr) -%}
    {%- for alias, input in definition.inputs.items() -%}
        {%- set part = '(' ~ _metric_sql(input, form) ~ ')' -%}
        {%- set ns.sql = modules.re.sub('\\b' ~ alias ~ '\\b', part, ns.sql) -%}
    {%- endfor -%}
    {{ ns.sql }}
{%- endmacro %}

{% macro _measure_sql(name, form) -%}
    {%- set measure = measure_definitions()[name] -%}
    {%- if form == 'columns' -%}
        {{ measure.expr }}
    {%- elif measure.agg == 'percentile' -%}
        percentile_cont({{ measure.percentile }}) within group (order by {{ measure.expr }})
    {%- elif measure.agg == 'median' -%}
        percentile_cont(0.5) within group (order by {{ measure.expr }})
    {%- elif measure.agg == 'count_distinct' -%}
        count(distinct {{ measure.expr }})
    {%- else -%}
        {{ {'average': 'avg'}.get(measure.agg, measure.agg) }}({{ measure.expr }})
    {%- endif -%}
{%- endmacro %}
