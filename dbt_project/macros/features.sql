{#
    What the feature tables have in common. Every list of words that features tell apart stands here, once.
    Does not belong here: calendar arithmetic (dates.sql) and the choice of a row's version (versions.sql).
#}

{# Whether the day lies in the months this run builds; the others keep the rows they have. #}
{% macro is_in_run(column) -%}
    {{ column }} between
        cast('{{ env_var("LIFECYCLE_AS_OF_START", "1900-01-01") }}' as date)
        and cast('{{ env_var("LIFECYCLE_AS_OF_END", "2999-12-31") }}' as date)
{%- endmacro %}

{# Remove the months a run is about to build, so that a row that has ceased to be does not survive its month. #}
{% macro clear_months(column) -%}
    {% if is_incremental() -%}
        delete from {{ this }} where {{ is_in_run(column) }}
    {%- endif %}
{%- endmacro %}

{# Whether `day` is one of the last `days` days up to `as_of`, that day included. #}
{% macro within_days(day, as_of, days) -%}
    ({{ day }} <= {{ as_of }} and {{ day }} > {{ add_days(as_of, -days) }})
{%- endmacro %}

{# Sum of `value` over the rows of the last `days` days; zero where there is none. #}
{% macro sum_within(value, day, as_of, days) -%}
    cast(coalesce(sum(case when {{ within_days(day, as_of, days) }} then {{ value }} end), 0) as double)
{%- endmacro %}

{# Sum of `value` over the `days` days before the last `days` days. #}
{% macro sum_before(value, day, as_of, days) -%}
    cast(coalesce(sum(case
        when {{ day }} <= {{ add_days(as_of, -days) }} and {{ day }} > {{ add_days(as_of, -2 * days) }} then {{ value }}
    end), 0) as double)
{%- endmacro %}

{# A quotient as a number; null where there is nothing to divide by. #}
{% macro ratio(numerator, denominator) -%}
    cast({{ numerator }} as double) / nullif(cast({{ denominator }} as double), 0)
{%- endmacro %}

{# Seconds between two instants; null when they are in the wrong order, which is a finding and no duration.
   Whole numbers, so that a mean of them does not depend on the order in which they are added. #}
{% macro seconds_after(earlier, later) -%}
    case when {{ later }} >= {{ earlier }} then {{ adapter.dispatch('seconds_between')(earlier, later) }} end
{%- endmacro %}

{% macro default__seconds_between(earlier, later) -%}
    date_diff('second', {{ earlier }}, {{ later }})
{%- endmacro %}

{% macro spark__seconds_between(earlier, later) -%}
    (unix_timestamp({{ later }}) - unix_timestamp({{ earlier }}))
{%- endmacro %}

{# Day of the week, 1 (Monday) to 7. #}
{% macro iso_weekday(day) -%}
    {{ return(adapter.dispatch('iso_weekday')(day)) }}
{%- endmacro %}

{% macro default__iso_weekday(day) -%}
    extract(isodow from {{ day }})
{%- endmacro %}

{% macro spark__iso_weekday(day) -%}
    (weekday({{ day }}) + 1)
{%- endmacro %}

{# Months between two renewals; null where the billing period says nothing about them. #}
{% macro billing_months(billing_period) -%}
    case lower({{ billing_period }})
        when 'monthly' then 1 when 'month' then 1
        when 'quarterly' then 3 when 'quarter' then 3
        when 'annual' then 12 when 'annually' then 12 when 'yearly' then 12 when 'year' then 12
    end
{%- endmacro %}

{# The first anniversary of `started_on`, every `months` months, after `as_of`. #}
{% macro next_anniversary(started_on, as_of, months) -%}
    {%- set passed -%}
        cast(floor((
            (extract(year from {{ as_of }}) - extract(year from {{ started_on }})) * 12
            + extract(month from {{ as_of }}) - extract(month from {{ started_on }})
        ) / {{ months }}) as integer) * {{ months }}
    {%- endset -%}
    case
        when {{ add_months(started_on, passed) }} > {{ as_of }} then {{ add_months(started_on, passed) }}
        else {{ add_months(started_on, passed ~ ' + ' ~ months) }}
    end
{%- endmacro %}

{# Touchpoints that are contacts with sales; the rest is what the lead did by itself. #}
{% macro is_sales_contact(kind) -%}
    ({{ kind }} in ('call', 'meeting', 'demo_request', 'consultation_booked'))
{%- endmacro %}

{# Number of touchpoints of these kinds. #}
{% macro touchpoints_of(kinds) -%}
    sum(case when kind in ('{{ kinds | join("', '") }}') then touchpoints else 0 end)
{%- endmacro %}
