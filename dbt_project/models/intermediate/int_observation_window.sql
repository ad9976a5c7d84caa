{# A closing is the last that happens to a deal: without it, data of deals alone would end with the newest opening. One
   that is dated after it was landed is a plan. #}
with settings as (
    select * from {{ source('control', 'company_settings') }}
),

events as (
    select * from {{ ref('int_business_events') }}
),

closings as (
    select * from {{ ref('stg_raw__deals') }}
    where {{ is_newest() }} and outcome <> 'open' and closed_at <= loaded_at
),

days as (
    select
        happened_on as began_on,
        happened_on
    from events
    union all
    select
        null as began_on,
        closed_on as happened_on
    from closings
),

observed as (
    select
        min(began_on) as first_event_on,
        max(happened_on) as last_event_on
    from days
),

bounded as (
    select
        settings.*,
        observed.first_event_on,
        observed.last_event_on,
        coalesce(settings.data_until, observed.last_event_on) as observed_until
    from settings
    cross join observed
),

final as (
    select
        first_event_on,
        last_event_on,
        observed_until as data_until,
        case
            when observed_until = {{ month_end('observed_until') }} then observed_until
            else {{ month_end(add_months('observed_until', -1)) }}
        end as last_as_of,
        history_starts_on,
        business_model = 'contractual' as is_contractual,
        business_model = 'transactional' as is_transactional,
        currency as company_currency,
        grace_days,
        inactivity_days,
        mql_max_score,
        sql_min_score,
        stale_mql_days,
        stale_sql_days,
        gross_margin_ratio,
        implausible_money_factor,
        stale_source_factor,
        stale_source_min_days,
        incomplete_profile_min_missing,
        commit_min_probability,
        best_case_min_probability
    from bounded
)

select * from final
