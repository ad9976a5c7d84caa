{% set balances = ['opening', 'new', 'reactivation', 'expansion', 'contraction', 'churn', 'closing'] %}
{% set purchases = ['new', 'repeat', 'returned', 'lapsed'] %}

with mrr_movements as (
    select * from {{ ref('fct_mrr_movements') }}
),

purchase_movements as (
    select * from {{ ref('fct_purchase_movements') }}
),

accounts as (
    select * from {{ ref('int_accounts_known') }}
),

months as (
    select * from {{ ref('int_month_spine') }}
),

movements as (
    select * from {{ ref('revenue_movements') }}
),

listed as (
    {% for movement in balances -%}
    select
        'contractual' as business_model,
        account_id,
        month_start,
        '{{ movement }}' as movement,
        {{ movement }}_mrr as amount
    from mrr_movements
    union all
    {% endfor -%}
    {% for movement in purchases -%}
    select 'transactional', account_id, month_start, '{{ movement }}', {{ movement }}_amount
    from purchase_movements
    {% if not loop.last %}union all
    {% endif %}
    {%- endfor %}
),

final as (
    select
        listed.account_id,
        listed.month_start,
        accounts.region,
        accounts.segment,
        listed.movement,
        movements.role,
        movements.movement_order,
        listed.amount,
        months.is_complete
    from listed
    inner join movements
        on listed.business_model = movements.business_model and listed.movement = movements.movement
    inner join accounts on listed.account_id = accounts.account_id
    inner join months on listed.month_start = months.month_start
    where listed.amount <> 0
)

select * from final
