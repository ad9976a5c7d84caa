{# A source may lack the accounts table, or forget an account that buys: whoever is named by money
   is an account, also where only the lead of a deal, or the lead that became a customer, says which. #}
{% set named_by = ['subscriptions', 'transactions', 'deals'] %}

with accounts as (
    select * from {{ ref('stg_raw__accounts') }}
    where {{ is_newest() }}
),

named as (
    select account_id from accounts
    {%- for table in named_by %}
    union
    select account_id from {{ ref('stg_raw__' ~ table) }}
    where {{ is_newest() }} and account_id is not null
    {%- endfor %}
    union
    select account_id from {{ ref('int_deals_enriched') }}
    where account_id is not null
    union
    select account_id from {{ ref('int_account_first_days') }}
),

final as (
    select
        named.account_id,
        accounts.name,
        accounts.domain,
        accounts.industry,
        accounts.country,
        accounts.owner_id,
        coalesce(accounts.region, 'unknown') as region,
        coalesce(accounts.industry, 'unknown') as segment,
        accounts.employee_count,
        accounts.annual_revenue,
        accounts.account_id is not null as is_registered,
        accounts.created_on
    from named
    left join accounts on named.account_id = accounts.account_id
)

select * from final
