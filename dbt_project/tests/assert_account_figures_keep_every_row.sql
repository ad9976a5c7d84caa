-- Figures by account and month add up to the rows there are: a key does not show a join that doubles what is added up.
{{ config(meta={'dagster': {'ref': {'name': 'dim_accounts'}}}) }}
{% set told = {
    'purchases': ("sum(purchases_count)", 'dim_accounts', "count(*)", 'int_purchase_days', 'true'),
    'spells': ("sum(spells_count)", 'dim_accounts', "count(*)", 'int_customer_spells', 'true'),
    'leads': ("sum(leads_count)", 'int_account_prospects', "count(account_id)", 'int_lead_accounts', 'true'),
    'open deals': (
        "sum(open_deals_count)", 'int_account_prospects', "count(account_id)", 'int_deals_enriched', 'is_open'
    ),
    'subscribed': ("sum(subscribed_amount)", 'int_account_revenue', "sum(mrr)", 'int_mrr_by_month', 'true'),
    'revenue': ("sum(revenue_amount)", 'int_account_revenue', "sum(revenue_amount)", 'int_transactions_signed', 'true'),
    'recurring revenue': ("sum(mrr)", 'fct_revenue_retention', "sum(mrr)", 'int_mrr_by_month', 'true')
} %}

with compared as (
    {% for what, (figure, model, expected, rows, condition) in told.items() -%}
    select
        '{{ what }}' as what,
        (select coalesce({{ figure }}, 0) from {{ ref(model) }}) as told,
        (
            select coalesce({{ expected }}, 0) from {{ ref(rows) }}
            where {{ condition }}
        ) as expected
    {% if not loop.last %}union all
    {% endif %}
    {%- endfor %}
)

select * from compared
where told <> expected
