{#
    Calendar arithmetic whose spelling differs between engines. Every result is a DATE or an INTEGER.
    Does not belong here: business windows (they come from the company's settings).
#}

{# The calendar day of a UTC instant at the company's place. `zone`: a column that holds an IANA time zone. #}
{% macro business_day(instant, zone='settings.time_zone') -%}
    {{ return(adapter.dispatch('business_day')(instant, zone)) }}
{%- endmacro %}

{% macro default__business_day(instant, zone) -%}
    case
        when {{ zone }} = 'UTC' then cast({{ instant }} as date)
        else cast(timezone({{ zone }}, timezone('UTC', {{ instant }})) as date)
    end
{%- endmacro %}

{% macro spark__business_day(instant, zone) -%}
    cast(from_utc_timestamp({{ instant }}, {{ zone }}) as date)
{%- endmacro %}

{% macro month_start(day) -%}
    cast(date_trunc('month', {{ day }}) as date)
{%- endmacro %}

{% macro month_end(day) -%}
    last_day({{ day }})
{%- endmacro %}

{# `months` and `days` may be columns; a negative number goes back. #}
{% macro add_months(day, months) -%}
    {{ return(adapter.dispatch('add_months')(day, months)) }}
{%- endmacro %}

{% macro default__add_months(day, months) -%}
    cast({{ day }} + to_months(cast({{ months }} as integer)) as date)
{%- endmacro %}

{% macro spark__add_months(day, months) -%}
    add_months({{ day }}, {{ months }})
{%- endmacro %}

{% macro add_days(day, days) -%}
    {{ return(adapter.dispatch('add_days')(day, days)) }}
{%- endmacro %}

{% macro default__add_days(day, days) -%}
    ({{ day }} + cast({{ days }} as integer))
{%- endmacro %}

{% macro spark__add_days(day, days) -%}
    date_add({{ day }}, {{ days }})
{%- endmacro %}

{# Days from `earlier` to `later`, negative when they are the other way round. #}
{% macro day_diff(earlier, later) -%}
    {{ return(adapter.dispatch('day_diff')(earlier, later)) }}
{%- endmacro %}

{% macro default__day_diff(earlier, later) -%}
    cast(date_diff('day', {{ earlier }}, {{ later }}) as integer)
{%- endmacro %}

{% macro spark__day_diff(earlier, later) -%}
    datediff({{ later }}, {{ earlier }})
{%- endmacro %}

{# Calendar months from the month of `earlier` to that of `later`. #}
{% macro month_diff(earlier, later) -%}
    cast(
        (extract(year from {{ later }}) - extract(year from {{ earlier }})) * 12
        + extract(month from {{ later }}) - extract(month from {{ earlier }}) as integer
    )
{%- endmacro %}

{# One row per month start from `first_day`'s month to `last_day`'s month; no row when either is null. #}
{% macro explode_months(first_day, last_day) -%}
    {{ return(adapter.dispatch('explode_months')(first_day, last_day)) }}
{%- endmacro %}

{% macro default__explode_months(first_day, last_day) -%}
    cast(unnest(generate_series(
        cast(date_trunc('month', {{ first_day }}) as timestamp),
        cast(date_trunc('month', {{ last_day }}) as timestamp),
        interval 1 month
    )) as date)
{%- endmacro %}

{% macro spark__explode_months(first_day, last_day) -%}
    explode(sequence(trunc({{ first_day }}, 'MM'), trunc({{ last_day }}, 'MM'), interval 1 month))
{%- endmacro %}

{# One row per day from `first_day` to `last_day`; no row when either is null. #}
{% macro explode_days(first_day, last_day) -%}
    {{ return(adapter.dispatch('explode_days')(first_day, last_day)) }}
{%- endmacro %}

{% macro default__explode_days(first_day, last_day) -%}
    cast(unnest(generate_series(
        cast({{ first_day }} as timestamp), cast({{ last_day }} as timestamp), interval 1 day
    )) as date)
{%- endmacro %}

{% macro spark__explode_days(first_day, last_day) -%}
    explode(sequence({{ first_day }}, {{ last_day }}, interval 1 day))
{%- endmacro %}

{# Stands for "no end" where an end must be compared; later than any day that landing accepts. #}
{% macro no_end() -%}
    cast('2999-12-31' as date)
{%- endmacro %}

{# Hours from one instant to another; null when they are in the wrong order, which is a finding and no duration. #}
{% macro duration_hours(earlier, later) -%}
    case when {{ later }} >= {{ earlier }} then {{ adapter.dispatch('elapsed_hours')(earlier, later) }} end
{%- endmacro %}

{% macro default__elapsed_hours(earlier, later) -%}
    cast(date_diff('second', {{ earlier }}, {{ later }}) as double) / 3600
{%- endmacro %}

{% macro spark__elapsed_hours(earlier, later) -%}
    cast(unix_timestamp({{ later }}) - unix_timestamp({{ earlier }}) as double) / 3600
{%- endmacro %}
