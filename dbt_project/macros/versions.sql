{#
    Which version of a raw row counts. Staging keeps all of them; marts read the newest, features the one known then.
#}

{# When the next version of the same key became known; null for the newest. #}
{% macro next_known_at(key) -%}
    lead(known_at) over (partition by {{ key }} order by known_at, loaded_at, source_file, source_row, row_hash)
{%- endmacro %}

{# Whether this version is the newest: several versions of one business day included. #}
{% macro is_newest(alias=none) -%}
    {{ alias ~ '.' if alias else '' }}superseded_on is null
{%- endmacro %}

{# Whether this version was the newest one known at the end of the business day `as_of`. #}
{% macro known_as_of(alias, as_of) -%}
    ({{ alias }}.known_on <= {{ as_of }}
    and ({{ alias }}.superseded_on is null or {{ alias }}.superseded_on > {{ as_of }}))
{%- endmacro %}
