with customers as (
    select * from {{ ref('int_new_customers') }}
),

leads as (
    select * from {{ ref('stg_raw__leads') }}
    where {{ is_newest() }}
),

lead_accounts as (
    select * from {{ ref('int_lead_accounts') }}
),

final as (
    select
        leads.lead_id,
        customers.account_id,
        leads.lead_source,
        row_number() over (partition by customers.account_id order by leads.created_at, leads.lead_id) as lead_number,
        leads.created_at
    from leads
    inner join lead_accounts on leads.lead_id = lead_accounts.lead_id
    inner join customers
        on lead_accounts.account_id = customers.account_id
        and leads.created_on <= customers.customer_on
)

select * from final
