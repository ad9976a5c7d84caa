{#
    Money in the company's currency. Every model that adds or compares amounts reads int_<table>_converted, where these
    macros are used; what was given stands beside it. Does not belong here: rounding for a screen.
#}

{# The currency a row's rate is looked up by: a missing one is the company's own (and a finding). #}
{% macro rate_currency(currency) -%}
    coalesce({{ currency }}, 'unknown')
{%- endmacro %}

{# `amount` in the company's currency, in cents; what is in that currency already is left as it is, digit by digit. #}
{% macro in_company_currency(amount, multiplier='rates.company_multiplier') -%}
    case
        when {{ multiplier }} = 1 then {{ amount }}
        else cast(round(cast({{ amount }} as double) * {{ multiplier }}, 2) as decimal(18, 2))
    end
{%- endmacro %}

{# Stops the build before anything reads money that has no rate: an amount that vanished from a sum would not be seen. #}
{% macro refuse_missing_rates(rates) -%}
    {%- if execute -%}
        {%- set missing = run_query(missing_rates(rates)).rows -%}
        {%- if missing | length > 0 -%}
            {%- set lines = [] -%}
            {%- for row in missing -%}
                {%- do lines.append('  ' ~ row[0] ~ ' for ' ~ row[1] ~ ': ' ~ row[3] ~ ' row(s) of ' ~ row[2]) -%}
            {%- endfor -%}
            {{ exceptions.raise_compiler_error(
                'No exchange rate that is at most ' ~ var('exchange_rate_max_age_days') ~ ' days old:\n'
                ~ lines | join('\n')
                ~ '\nAdd a line per currency and month to dbt_project/seeds/exchange_rates.csv (units of the currency '
                ~ 'for one euro), or correct the currency in the source.'
            ) }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{# Which rates are missing, for which rows. Where the company's own currency has no rate, that is the one to add. #}
{% macro missing_rates(rates) -%}
    select
        case when rates.rate_per_eur is null then rates.currency else rates.company_currency end as currency,
        cast(rates.month_start as varchar) as month_start,
        money.table_name,
        sum(money.rows_count) as rows_count
    from {{ rates }} as rates
    inner join {{ ref('int_money_currencies') }} as money
        on rates.currency = money.currency and rates.month_start = money.month_start
    where rates.company_multiplier is null
    group by 1, 2, 3
    order by 1, 2, 3
{%- endmacro %}
