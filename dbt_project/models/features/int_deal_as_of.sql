{{ config(schema='intermediate', unique_key='as_of_month', pre_hook="{{ clear_months('as_of_month') }}") }}

with as_of_dates as (
    select * from {{ ref('int_as_of_dates') }}
),

deals as (
    select * from {{ ref('stg_raw__deals') }}
),

scored_on as (
    select
        deals.deal_id,
        as_of_dates.as_of,
        as_of_dates.as_of as as_of_month
    from deals
    inner join as_of_dates on deals.created_on <= as_of_dates.as_of
    union
    select
        deals.deal_id,
        deals.created_on as as_of,
        as_of_dates.as_of as as_of_month
    from deals
    inner join as_of_dates on {{ month_end('deals.created_on') }} = as_of_dates.as_of
),

final as (
    select
        scored_on.deal_id,
        scored_on.as_of,
        scored_on.as_of_month,
        deals.account_id,
        deals.lead_id,
        deals.owner_id,
        deals.created_on
    from scored_on
    inner join deals
        on scored_on.deal_id = deals.deal_id
        and deals.created_on <= scored_on.as_of
        and {{ known_as_of('deals', 'scored_on.as_of') }}
    where deals.outcome = 'open' or coalesce(deals.closed_on, deals.known_on) > scored_on.as_of
)

select * from final
