-- A deal's spells follow one another without gap or overlap from its creation to its closing, and their days add up.
{{ config(meta={'dagster': {'ref': {'name': 'fct_deal_stage_spells'}}}) }}
with spells as (
    select
        deal_id,
        count(*) as spells_count,
        max(spell_number) as newest_number,
        min(entered_on) as entered_on,
        max(left_on) as left_on,
        sum(case when is_current then 1 else 0 end) as current_count,
        sum(stage_days) as stage_days
    from {{ ref('fct_deal_stage_spells') }}
    group by deal_id
),

deals as (
    select * from {{ ref('int_deals_described') }}
    where is_dated and coalesce(closed_on >= created_on, true)
)

select
    deals.deal_id,
    spells.entered_on,
    spells.left_on,
    spells.stage_days
from deals
left join spells on deals.deal_id = spells.deal_id
where
    coalesce(spells.spells_count, 0) <> coalesce(spells.newest_number, -1)
    or spells.entered_on <> deals.created_on
    or spells.current_count <> case when deals.closed_on is null then 1 else 0 end
    or (deals.closed_on is not null and spells.left_on <> deals.closed_on)
    or spells.stage_days <> {{ day_diff('deals.created_on', 'coalesce(deals.closed_on, deals.data_until)') }}
