{# How many deals an owner, and the company, had closed and won by each day of scoring. A closed version counts from the
   day on which its outcome was known until the next version replaced it: plus one, then minus one, summed up over the
   days; no join of days with history. #}
{{ config(materialized='ephemeral', contract={'enforced': false}) }}

with open_deals as (
    select * from {{ ref('int_deal_as_of') }}
    where {{ is_in_run('as_of_month') }}
),

deals as (
    select * from {{ ref('stg_raw__deals') }}
),

closings as (
    select
        coalesce(owner_id, 'unknown') as owner_id,
        greatest(coalesce(closed_on, known_on), known_on) as counted_on,
        superseded_on,
        case when outcome = 'won' then 1 else 0 end as won
    from deals
    where outcome <> 'open'
),

valid_closings as (
    select * from closings
    where superseded_on is null or superseded_on > counted_on
),

changes as (
    select owner_id, counted_on as changed_on, 1 as closed, won, 0 as is_question from valid_closings
    union all
    select owner_id, superseded_on as changed_on, -1 as closed, -won as won, 0 as is_question
    from valid_closings
    where superseded_on is not null
    union all
    select distinct
        coalesce(owner_id, 'unknown') as owner_id,
        as_of as changed_on,
        0 as closed,
        0 as won,
        1 as is_question
    from open_deals
),

summed_up as (
    select
        *,
        sum(closed) over (
            partition by owner_id order by changed_on, is_question rows between unbounded preceding and current row
        ) as owner_closed,
        sum(won) over (
            partition by owner_id order by changed_on, is_question rows between unbounded preceding and current row
        ) as owner_won,
        sum(closed) over (
            order by changed_on, is_question rows between unbounded preceding and current row
        ) as company_closed,
        sum(won) over (
            order by changed_on, is_question rows between unbounded preceding and current row
        ) as company_won
    from changes
),

final as (
    select
        owner_id,
        changed_on as as_of,
        owner_closed,
        owner_won,
        company_closed,
        company_won
    from summed_up
    where is_question = 1
)

select * from final
