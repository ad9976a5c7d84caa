with deals as (
    select * from {{ ref('int_deals_described') }}
),

entries as (
    select * from {{ ref('int_deal_stage_entries') }}
),

stage_order as (
    select * from {{ ref('int_deal_stage_order') }}
),

followed as (
    select
        *,
        row_number() over (partition by deal_id, stage order by spell_number) as visit_number,
        lead(stage) over (partition by deal_id order by spell_number) as next_stage,
        lead(entered_on) over (partition by deal_id order by spell_number) as next_entered_on
    from entries
),

dated as (
    select
        followed.*,
        deals.account_id,
        deals.owner_id,
        deals.pipeline,
        deals.region,
        deals.segment,
        deals.lead_source,
        deals.outcome,
        deals.amount,
        deals.data_until,
        coalesce(followed.next_entered_on, deals.closed_on) as left_on
    from followed
    inner join deals on followed.deal_id = deals.deal_id
),

final as (
    select
        dated.deal_id,
        dated.account_id,
        dated.owner_id,
        dated.stage,
        dated.next_stage,
        case
            when dated.next_stage is null then dated.outcome
            when next_order.stage_order > coalesce(stage_order.stage_order, 0) then 'forward'
            else 'backward'
        end as spell_outcome,
        dated.pipeline,
        dated.region,
        dated.segment,
        dated.lead_source,
        dated.spell_number,
        dated.visit_number,
        dated.amount,
        dated.visit_number > 1 as is_reentry,
        dated.left_on is null as is_current,
        dated.entered_on,
        dated.left_on,
        {{ day_diff('dated.entered_on', 'coalesce(dated.left_on, dated.data_until)') }} as stage_days
    from dated
    left join stage_order on dated.stage = stage_order.stage
    left join stage_order as next_order on dated.next_stage = next_order.stage
)

select * from final
