{# Deals open at a month end, with the version and the stage that were known then. #}
with months as (
    select * from {{ ref('int_month_spine') }}
    where is_complete
),

deals as (
    select * from {{ ref('int_deal_versions') }}
),

stage_events as (
    select * from {{ ref('stg_raw__deal_stage_events') }}
),

open_deals as (
    select
        months.month_end as as_of,
        deals.*
    from months
    inner join deals
        on months.month_end >= deals.created_on
        and months.month_end < coalesce(deals.counted_closed_on, {{ no_end() }})
        and {{ known_as_of('deals', 'months.month_end') }}
),

entered as (
    select
        open_deals.deal_id,
        open_deals.as_of,
        stage_events.stage,
        stage_events.probability,
        stage_events.entered_on,
        row_number() over (
            partition by open_deals.deal_id, open_deals.as_of
            order by stage_events.entered_at desc, stage_events.known_at desc, stage_events.event_id desc
        ) as newest_rank
    from open_deals
    inner join stage_events
        on open_deals.deal_id = stage_events.deal_id
        and stage_events.entered_on <= open_deals.as_of
        and {{ known_as_of('stage_events', 'open_deals.as_of') }}
),

current_stages as (
    select * from entered
    where newest_rank = 1
),

final as (
    select
        open_deals.deal_id,
        open_deals.owner_id,
        coalesce(current_stages.stage, 'unknown') as stage,
        open_deals.pipeline,
        open_deals.amount,
        current_stages.probability as source_probability,
        open_deals.as_of,
        open_deals.created_on,
        open_deals.expected_close_on,
        coalesce(current_stages.entered_on, open_deals.created_on) as stage_entered_on
    from open_deals
    left join current_stages
        on open_deals.deal_id = current_stages.deal_id and open_deals.as_of = current_stages.as_of
)

select * from final
