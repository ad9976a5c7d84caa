{# Calls, meetings and demos are sales' work on a customer whom a channel has brought: no touches. #}
with customers as (
    select * from {{ ref('int_new_customers') }}
),

leads as (
    select * from {{ ref('int_customer_leads') }}
),

lead_accounts as (
    select * from {{ ref('int_lead_accounts') }}
),

touchpoints as (
    select * from {{ ref('stg_raw__touchpoints') }}
    where {{ is_newest() }} and not {{ is_sales_contact('kind') }}
),

channels as (
    select * from {{ ref('int_acquisition_channels') }}
),

touched as (
    select
        customers.account_id,
        touchpoints.touchpoint_id as touch_id,
        'touchpoint' as kind,
        coalesce(channels.channel, leads.lead_source, first_leads.lead_source, touchpoints.channel) as channel,
        touchpoints.occurred_at as touched_at
    from touchpoints
    left join lead_accounts on touchpoints.lead_id = lead_accounts.lead_id
    inner join customers
        on coalesce(touchpoints.account_id, lead_accounts.account_id) = customers.account_id
        and touchpoints.occurred_on <= customers.customer_on
    left join channels on touchpoints.channel = channels.channel
    left join leads on touchpoints.lead_id = leads.lead_id
    left join leads as first_leads
        on customers.account_id = first_leads.account_id
        and first_leads.lead_number = 1
),

untouched as (
    select
        customers.account_id,
        coalesce(leads.lead_id, customers.account_id) as touch_id,
        case when leads.lead_id is null then 'none' else 'lead' end as kind,
        leads.lead_source as channel,
        leads.created_at as touched_at
    from customers
    left join leads on customers.account_id = leads.account_id
    left join touched on customers.account_id = touched.account_id
    where touched.account_id is null
),

touches as (
    select * from touched
    union all
    select * from untouched
),

final as (
    select
        account_id,
        touch_id,
        kind,
        coalesce(channel, 'unknown') as channel,
        row_number() over (partition by account_id order by touched_at, touch_id) as touch_number,
        count(*) over (partition by account_id) as touches_count,
        touched_at
    from touches
)

select * from final
