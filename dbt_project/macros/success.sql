{#
    Measures that customer success counts in more than one place, and the scale of the health score.
    Does not belong here: windows and calendar arithmetic (features.sql, dates.sql).
#}

{# Number of rows for which the condition is true. #}
{% macro rows_where(condition) -%}
    cast(sum(case when {{ condition }} then 1 else 0 end) as bigint)
{%- endmacro %}

{# 0 at `worst` and beyond, 100 at `best` and beyond, in between in proportion; null for a value that is not known. #}
{% macro health_points(value, worst, best) -%}
    100 * least(greatest({{ ratio('(' ~ value ~ ' - ' ~ worst ~ ')', '(' ~ best ~ ' - ' ~ worst ~ ')') }}, 0), 1)
{%- endmacro %}

{# What is counted of tickets, by account and for the whole company alike; reads int_tickets_by_month. #}
{% macro support_measures() -%}
    {{ rows_where('is_opened') }} as tickets_opened_count,
        {{ rows_where('is_resolved') }} as tickets_resolved_count,
        {{ rows_where('is_escalated') }} as tickets_escalated_count,
        {{ rows_where('is_open') }} as open_tickets_count,
        cast(sum(case when is_open then age_days else 0 end) as bigint) as open_tickets_age_days,
        cast(max(case when is_open then age_days end) as bigint) as oldest_open_ticket_days,
        count(case when is_answered then response_hours end) as responses_count,
        {{ hours_measures('response', 'is_answered') }},
        count(case when is_resolved then resolution_hours end) as resolutions_count,
        {{ hours_measures('resolution', 'is_resolved') }}
{%- endmacro %}

{# Sum, median and 90th percentile of the hours of those that are `counted`. Seconds are added, so that a sum of the
   same tickets does not depend on their order. #}
{% macro hours_measures(what, counted) -%}
    cast(coalesce(sum(case when {{ counted }} then round({{ what }}_hours * 3600) end), 0) as double) / 3600
            as {{ what }}_hours,
        percentile_cont(0.5) within group (order by case when {{ counted }} then {{ what }}_hours end)
            as median_{{ what }}_hours,
        percentile_cont(0.9) within group (order by case when {{ counted }} then {{ what }}_hours end)
            as p90_{{ what }}_hours
{%- endmacro %}
