{#
    How a table that is built month by month finds the months to build: those it does not hold as they are now.
    `months`: relation with month_start and month_version, one row per month. The table keeps the month_version it was
    built with. Does not belong here: the range of a feature run (features.sql).
#}

{# Remove the months that have changed since they were built, and those that are no more. #}
{% macro forget_changed_months(months) -%}
    {% if is_incremental() -%}
        delete from {{ this }}
        where not exists (
            select 1 from {{ months }} as months
            where months.month_start = {{ this }}.month_start and months.month_version = {{ this }}.month_version
        )
    {%- endif %}
{%- endmacro %}
