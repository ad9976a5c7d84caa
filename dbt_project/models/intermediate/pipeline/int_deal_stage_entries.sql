{# Changes of stage while a deal was open. What is dated before the creation holds from the creation on, a deal is in
   stage `unknown` until its first dated stage, the same stage told again is no change, and a stage told at the closing
   or later ("closed won") is the closing itself. #}
with deals as (
    select * from {{ ref('int_deals_described') }}
    where is_dated and coalesce(closed_on >= created_on, true)
),

stage_events as (
    select * from {{ ref('int_deal_stages') }}
),

told as (
    select
        deals.deal_id,
        stage_events.event_id,
        stage_events.stage,
        stage_events.entered_at,
        greatest(stage_events.entered_on, deals.created_on) as entered_on
    from deals
    inner join stage_events
        on deals.deal_id = stage_events.deal_id
        and deals.data_until >= stage_events.entered_on
        and coalesce(deals.closed_at > stage_events.entered_at, true)
        and (
            stage_events.entered_on >= deals.created_on
            or coalesce(stage_events.left_on, {{ no_end() }}) > deals.created_on
        )
),

first_days as (
    select
        deal_id,
        min(entered_on) as entered_on
    from told
    group by deal_id
),

entries as (
    select * from told
    union all
    select
        deals.deal_id,
        null as event_id,
        'unknown' as stage,
        null as entered_at,
        deals.created_on as entered_on
    from deals
    left join first_days on deals.deal_id = first_days.deal_id
    where first_days.entered_on is null or first_days.entered_on > deals.created_on
),

compared as (
    select
        *,
        lag(stage) over (partition by deal_id order by entered_on, entered_at, event_id) as previous_stage
    from entries
),

final as (
    select
        deal_id,
        stage,
        row_number() over (partition by deal_id order by entered_on, entered_at, event_id) as spell_number,
        entered_on
    from compared
    where previous_stage is null or previous_stage <> stage
)

select * from final
