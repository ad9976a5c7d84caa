{#
    Statements about the uncertainty of a figure.
    Does not belong here: models; what is learned from data is learned outside of SQL.
#}

{# Bounds of the 95 % interval of a rate after Wilson (1927), "Probable inference, the law of succession, and statistical
   inference": honest for small numbers, within 0 and 1; null where nothing was tried. #}
{% macro wilson_lower(successes, trials) -%}
    case when {{ trials }} > 0 then greatest({{ wilson_bound(successes, trials, '-') }}, 0) end
{%- endmacro %}

{% macro wilson_upper(successes, trials) -%}
    case when {{ trials }} > 0 then least({{ wilson_bound(successes, trials, '+') }}, 1) end
{%- endmacro %}

{% macro wilson_bound(successes, trials, sign) -%}
    {%- set z = 1.959963984540054 -%}
    ({{ successes }} + {{ z * z / 2 }} {{ sign }} {{ z }} * sqrt(
        cast({{ successes }} as double) * ({{ trials }} - {{ successes }}) / nullif({{ trials }}, 0) + {{ z * z / 4 }}
    )) / ({{ trials }} + {{ z * z }})
{%- endmacro %}
