{# Text as people meant it: without blanks around it, and nothing instead of an empty string. #}
{% macro clean_text(column) -%}
    nullif(trim({{ column }}), '')
{%- endmacro %}

{# A short, stable key made of several values; a null is told from an empty text. #}
{% macro hashed_key(columns) -%}
    md5(concat({% for column in columns %}coalesce(cast({{ column }} as varchar), '∅'){% if not loop.last %}, '|', {% endif %}{% endfor %}))
{%- endmacro %}
