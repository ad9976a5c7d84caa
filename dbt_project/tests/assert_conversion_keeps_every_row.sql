-- Finding the rate of a row neither loses nor doubles it, and no amount is lost on the way.
{{ config(meta={'dagster': {'ref': {'name': 'int_deals_converted'}}}) }}
{% set tables = {'deals': 'amount', 'subscriptions': 'mrr', 'transactions': 'amount', 'marketing_spend': 'amount'} %}

with counted as (
    {% for table, column in tables.items() -%}
    select
        '{{ table }}' as table_name,
        (select count(*) from {{ ref('stg_raw__' ~ table) }}) as rows_count,
        (select count({{ column }}) from {{ ref('stg_raw__' ~ table) }}) as amounts_count,
        count(*) as converted_count,
        count({{ column }}) as converted_amounts_count
    from {{ ref('int_' ~ table ~ '_converted') }}
    {% if not loop.last %}union all
    {% endif %}
    {%- endfor %}
)

select * from counted
where rows_count <> converted_count or amounts_count <> converted_amounts_count
