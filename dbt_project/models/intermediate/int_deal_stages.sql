{# Each stage lasts until the next one begins; undated changes cannot be placed and are left out. #}
with stage_events as (
    select * from {{ ref('stg_raw__deal_stage_events') }}
    where {{ is_newest() }} and entered_at is not null
),

final as (
    select
        event_id,
        deal_id,
        stage,
        probability,
        entered_at,
        entered_on,
        lead(entered_on) over (partition by deal_id order by entered_at, event_id) as left_on
    from stage_events
)

select * from final
