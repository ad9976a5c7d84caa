{# A row after the end of the data, such as a contract that is yet to start, has the last rate known then. #}
{{ config(post_hook="{{ refuse_missing_rates(this) }}") }}

with money as (
    select * from {{ ref('int_money_currencies') }}
),

reference_rates as (
    select * from {{ ref('exchange_rates') }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
),

needed as (
    select distinct
        money.currency,
        money.month_start,
        observation.company_currency,
        {{ month_start('least(money.month_start, observation.data_until)') }} as rate_month
    from money
    cross join observation
),

asked as (
    select currency, rate_month from needed
    union
    select company_currency as currency, rate_month from needed
),

candidates as (
    select
        asked.currency,
        asked.rate_month,
        reference_rates.valid_from,
        reference_rates.rate_per_eur,
        row_number() over (
            partition by asked.currency, asked.rate_month order by reference_rates.valid_from desc
        ) as age_rank
    from asked
    inner join reference_rates
        on asked.currency = reference_rates.currency
        and asked.rate_month >= reference_rates.valid_from
        and reference_rates.valid_from >= {{ add_days('asked.rate_month', '-' ~ var('exchange_rate_max_age_days')) }}
    union all
    select currency, rate_month, rate_month as valid_from, 1 as rate_per_eur, 1 as age_rank
    from asked
    where currency = 'EUR'
),

newest as (
    select * from candidates
    where age_rank = 1
),

final as (
    select
        needed.currency,
        needed.month_start,
        needed.company_currency,
        given.rate_per_eur,
        company.rate_per_eur as company_rate_per_eur,
        case
            when needed.currency in (needed.company_currency, 'unknown') then 1
            else company.rate_per_eur / given.rate_per_eur
        end as company_multiplier,
        given.valid_from
    from needed
    left join newest as given
        on needed.currency = given.currency and needed.rate_month = given.rate_month
    left join newest as company
        on needed.company_currency = company.currency and needed.rate_month = company.rate_month
)

select * from final
