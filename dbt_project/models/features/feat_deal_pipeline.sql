{{ config(unique_key='as_of_month', pre_hook="{{ clear_months('as_of_month') }}") }}

{% set fewest_deals = 5 %}
{% set prior_deals = 10 %}

with open_deals as (
    select
        *,
        case when as_of = as_of_month then as_of else {{ month_end(add_months('as_of_month', -1)) }} end as measured_on
    from {{ ref('int_deal_as_of') }}
    where {{ is_in_run('as_of_month') }}
),

deals as (
    select * from {{ ref('int_deals_converted') }}
),

accounts as (
    select * from {{ ref('stg_raw__accounts') }}
),

leads as (
    select * from {{ ref('stg_raw__leads') }}
),

stage_events as (
    select * from {{ ref('stg_raw__deal_stage_events') }}
),

contacts as (
    select * from {{ ref('int_deal_contacts_as_of') }}
),

owner_records as (
    select * from {{ ref('int_deal_owner_records_as_of') }}
),

usual_amounts as (
    select * from {{ ref('int_deal_amounts_as_of') }}
),

entered as (
    select
        open_deals.deal_id,
        open_deals.as_of,
        stage_events.stage,
        stage_events.entered_on,
        stage_events.probability,
        count(*) over (partition by open_deals.deal_id, open_deals.as_of) as stage_changes,
        row_number() over (
            partition by open_deals.deal_id, open_deals.as_of
            order by stage_events.entered_at desc, stage_events.known_at desc, stage_events.event_id desc
        ) as age_rank
    from open_deals
    inner join stage_events
        on open_deals.deal_id = stage_events.deal_id
        and stage_events.entered_on <= open_deals.as_of
        and {{ known_as_of('stage_events', 'open_deals.as_of') }}
),

current_stages as (
    select * from entered
    where age_rank = 1
),

described as (
    select
        open_deals.*,
        deals.amount,
        deals.pipeline,
        deals.expected_close_on,
        leads.lead_source,
        coalesce(accounts.industry, leads.industry, 'unknown') as industry,
        coalesce(accounts.region, leads.region, 'unknown') as region
    from open_deals
    inner join deals
        on open_deals.deal_id = deals.deal_id
        and {{ known_as_of('deals', 'open_deals.as_of') }}
    left join accounts
        on open_deals.account_id = accounts.account_id
        and {{ known_as_of('accounts', 'open_deals.as_of') }}
    left join leads
        on open_deals.lead_id = leads.lead_id
        and {{ known_as_of('leads', 'open_deals.as_of') }}
),

compared as (
    select
        described.*,
        case
            when industry_amounts.deals_count >= {{ fewest_deals }} then industry_amounts.median_amount
            else all_amounts.median_amount
        end as usual_amount,
        {{ ratio('owner_records.company_won', 'owner_records.company_closed') }} as company_win_ratio,
        owner_records.owner_won,
        owner_records.owner_closed
    from described
    left join usual_amounts as industry_amounts
        on described.measured_on = industry_amounts.measured_on and described.industry = industry_amounts.industry
    left join usual_amounts as all_amounts
        on described.measured_on = all_amounts.measured_on and all_amounts.industry is null
    left join owner_records
        on coalesce(described.owner_id, 'unknown') = owner_records.owner_id and described.as_of = owner_records.as_of
),

final as (
    select
        compared.deal_id,
        compared.as_of,
        compared.as_of_month,
        cast({{ day_diff('compared.created_on', 'compared.as_of') }} as double) as deal_age_days,
        coalesce(current_stages.stage, 'unknown') as current_stage,
        cast({{ day_diff('coalesce(current_stages.entered_on, compared.created_on)', 'compared.as_of') }} as double)
            as stage_days,
        cast(coalesce(current_stages.stage_changes, 0) as double) as stage_changes_count,
        cast(current_stages.probability as double) as stage_probability,
        cast(compared.amount as double) as amount,
        {{ ratio('compared.amount', 'compared.usual_amount') }} as amount_segment_ratio,
        cast({{ day_diff('compared.expected_close_on', 'compared.as_of') }} as double) as expected_close_overdue_days,
        cast(
            (compared.owner_won + {{ prior_deals }} * coalesce(compared.company_win_ratio, 0.5))
            / (compared.owner_closed + {{ prior_deals }}) as double
        ) as owner_win_ratio,
        coalesce(contacts.touchpoints_28d, 0) as touchpoints_28d_count,
        cast({{ day_diff('contacts.last_touchpoint_on', 'compared.as_of') }} as double) as last_touchpoint_days,
        coalesce(compared.pipeline, 'unknown') as pipeline,
        coalesce(compared.lead_source, 'unknown') as lead_source,
        compared.industry,
        compared.region,
        compared.lead_id is not null as is_from_lead,
        compared.account_id is not null as has_account
    from compared
    left join current_stages
        on compared.deal_id = current_stages.deal_id and compared.as_of = current_stages.as_of
    left join contacts
        on compared.deal_id = contacts.deal_id and compared.as_of = contacts.as_of
)

select * from final
