{# What was known about a deal at the end of each day: a version replaced on the day it became known never was. A
   closed version without a close date counts as closed from the day on which it became known. #}
with versions as (
    select * from {{ ref('int_deals_converted') }}
    where superseded_on is null or superseded_on > known_on
),

final as (
    select
        deal_id,
        account_id,
        lead_id,
        owner_id,
        pipeline,
        outcome,
        amount,
        outcome = 'open' as is_open,
        outcome = 'won' as is_won,
        created_on,
        expected_close_on,
        case when outcome <> 'open' then closed_on end as closed_on,
        case when outcome <> 'open' then coalesce(closed_on, known_on) end as counted_closed_on,
        known_at,
        known_on,
        superseded_on
    from versions
)

select * from final
