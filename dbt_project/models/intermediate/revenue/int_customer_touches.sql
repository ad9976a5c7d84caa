{# Calls, meetings and demos are sales' work on a customer whom a channel has brought: no touches. #}
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

touchpoints as (
    select * from {{ ref('stg_raw__touchpoints') }}
    where {{ is_newest() }} and not {{ is_sales_contact('kind') }}
),

channels as (
    select * from {{ ref('int_acquisition_channels') }}
),

sourced_leads as (
    select
        leads.lead_id,
        customers.account_id,
        leads.lead_source,
        leads.created_at
    from leads
    inner join lead_accounts on leads.lead_id = lead_accounts.lead_id
    inner join customers
        on lead_accounts.account_id = customers.account_id
        and leads.created_on <= customers.customer_on
),

touched as (
    select
        customers.account_id,
        touchpoints.touchpoint_id as touch_id,
        'touchpoint' as kind,
        coalesce(channels.channel, leads.lead_source, touchpoints.channel, 'unknown') as channel,
        touchpoints.occurred_at as touched_at
    from touchpoints
    left join lead_accounts on touchpoints.lead_id = lead_accounts.lead_id
    left join leads on touchpoints.lead_id = leads.lead_id
    left join channels on touchpoints.channel = channels.channel
    inner join customers
        on coalesce(touchpoints.account_id, lead_accounts.account_id) = customers.account_id
        and touchpoints.occurred_on <= customers.customer_on
),

untouched as (
    select
        customers.account_id,
        coalesce(sourced_leads.lead_id, customers.account_id) as touch_id,
        case when sourced_leads.lead_id is null then 'none' else 'lead' end as kind,
        coalesce(sourced_leads.lead_source, 'unknown') as channel,
        sourced_leads.created_at as touched_at
    from customers
    left join sourced_leads on customers.account_id = sourced_leads.account_id
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
        touches.*,
        row_number() over (partition by account_id order by touched_at, touch_id) as touch_number,
        count(*) over (partition by account_id) as touches_count
    from touches
)

select * from final
