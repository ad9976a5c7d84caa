{{ config(unique_key='as_of_month', pre_hook="{{ clear_months('as_of_month') }}") }}

with open_leads as (
    select * from {{ ref('int_lead_as_of') }}
    where {{ is_in_run('as_of_month') }}
),

leads as (
    select * from {{ ref('stg_raw__leads') }}
),

accounts as (
    select * from {{ ref('stg_raw__accounts') }}
),

stage_events as (
    select * from {{ ref('stg_raw__lead_stage_events') }}
),

rule_points as (
    select * from {{ ref('int_lead_rule_points_as_of') }}
),

ranked_scores as (
    select
        open_leads.lead_id,
        open_leads.as_of,
        stage_events.source_score,
        row_number() over (
            partition by open_leads.lead_id, open_leads.as_of
            order by coalesce(stage_events.entered_at, stage_events.known_at) desc, stage_events.event_id desc
        ) as age_rank
    from open_leads
    inner join stage_events
        on open_leads.lead_id = stage_events.lead_id
        and coalesce(stage_events.entered_on, stage_events.known_on) <= open_leads.as_of
        and {{ known_as_of('stage_events', 'open_leads.as_of') }}
    where stage_events.stage in ('lead', 'mql') and stage_events.source_score is not null
),

source_scores as (
    select * from ranked_scores
    where age_rank = 1
),

final as (
    select
        open_leads.lead_id,
        open_leads.as_of,
        open_leads.as_of_month,
        cast({{ day_diff('open_leads.created_on', 'open_leads.as_of') }} as double) as lead_age_days,
        cast(extract(month from open_leads.created_on) as double) as created_month,
        cast({{ iso_weekday('open_leads.created_on') }} as double) as created_weekday,
        {% for column in ['lead_source', 'campaign', 'country', 'region', 'industry', 'company_size', 'seniority'] -%}
        coalesce(leads.{{ column }}, 'unknown') as {{ column }},
        {% endfor -%}
        coalesce(lower(leads.job_title), 'unknown') as job_title,
        coalesce(leads.consent, false) as has_consent,
        accounts.account_id is not null as has_account,
        cast(source_scores.source_score as double) as source_score,
        cast(coalesce(rule_points.rule_score, 0) as double) as rule_score,
        coalesce(rule_points.is_rule_sql, false) as is_rule_sql
    from open_leads
    inner join leads
        on open_leads.lead_id = leads.lead_id
        and {{ known_as_of('leads', 'open_leads.as_of') }}
    left join accounts
        on leads.account_id = accounts.account_id
        and coalesce(accounts.created_on, accounts.known_on) <= open_leads.as_of
        and {{ known_as_of('accounts', 'open_leads.as_of') }}
    left join source_scores
        on open_leads.lead_id = source_scores.lead_id and open_leads.as_of = source_scores.as_of
    left join rule_points
        on open_leads.lead_id = rule_points.lead_id and open_leads.as_of = rule_points.as_of
)

select * from final
