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

{# While dbt parses there are no definitions yet; the text of that pass is never run. #}
{% macro _metric_sql(name, form) -%}
    {%- if execute -%}
        {%- set definition = graph.metrics['metric.' ~ project_name ~ '.' ~ name] -%}
        {%- set params = definition.type_params -%}
        {%- if definition.type == 'ratio' -%}
            cast({{ _metric_sql(params.numerator.name, form) }} as double)
            / nullif(cast({{ _metric_sql(params.denominator.name, form) }} as double), 0)
        {%- elif definition.type == 'derived' -%}
            {{ _derived_metric_sql(params, form) }}
        {%- else -%}
            {{ _measure_sql(params.measure.name, form) }}
        {%- endif -%}
    {%- else -%}
        null
    {%- endif -%}
{%- endmacro %}

{# The expression with each input in the place of its name. #}
{% macro _derived_metric_sql(params, form) -%}
    {%- set ns = namespace(sql=params.expr) -%}
    {%- for input in params.metrics -%}
        {%- set part = '(' ~ _metric_sql(input.name, form) ~ ')' -%}
        {%- set ns.sql = modules.re.sub('\\b' ~ (input.alias or input.name) ~ '\\b', part, ns.sql) -%}
    {%- endfor -%}
    {{ ns.sql }}
{%- endmacro %}

{% macro _measure_sql(name, form) -%}
    {%- for model in graph.semantic_models.values() -%}
        {%- for measure in model.measures if measure.name == name -%}
            {%- set expression = measure.expr or measure.name -%}
            {%- if form == 'columns' -%}
                {{ expression }}
            {%- elif measure.agg == 'percentile' -%}
                percentile_cont({{ measure.agg_params.percentile }}) within group (order by {{ expression }})
            {%- elif measure.agg == 'median' -%}
                percentile_cont(0.5) within group (order by {{ expression }})
            {%- elif measure.agg == 'count_distinct' -%}
                count(distinct {{ expression }})
            {%- else -%}
                {{ {'average': 'avg'}.get(measure.agg, measure.agg) }}({{ expression }})
            {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
{%- endmacro %}
