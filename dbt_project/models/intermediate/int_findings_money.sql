{# Sizes are compared in the company's currency and told as they were given. #}
with money as (
    select * from {{ ref('int_money_columns') }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
),

medians as (
    select
        table_name,
        percentile_cont(0.5) within group (order by cast(amount as double)) as median_amount
    from money
    where amount > 0
    group by table_name
),

judged as (
    select
        money.*,
        observation.company_currency,
        observation.implausible_money_factor * medians.median_amount as implausible_amount
    from money
    cross join observation
    left join medians on money.table_name = medians.table_name
),

found as (
    select judged.*, 'negative_money' as rule
    from judged
    where amount < 0
    union all
    select judged.*, 'implausible_money' as rule
    from judged
    where amount > implausible_amount
    union all
    select judged.*, 'currency_missing' as rule
    from judged
    where currency is null
),

converted as (
    select
        'foreign_currency' as rule,
        min(source) as source,
        table_name,
        currency as row_key,
        concat('Converted from ', currency, ' to ', company_currency, ': ', cast(count(*) as varchar), ' row(s).')
            as message,
        count(*) as rows_count,
        min(known_on) as happened_on
    from judged
    where currency <> company_currency
    group by table_name, currency, company_currency
),

final as (
    select
        rule,
        source,
        table_name,
        row_key,
        concat(column_name, ' is ', cast(given_amount as varchar), ' ', coalesce(currency, '(no currency)'), '.')
            as message,
        cast(1 as bigint) as rows_count,
        known_on as happened_on
    from found
    union all
    select * from converted
)

select * from final
