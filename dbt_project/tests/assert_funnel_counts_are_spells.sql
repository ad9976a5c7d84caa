-- Whom the funnel says to have entered a stage began a first stay in it in that month, and sources add up to all.
{{ config(meta={'dagster': {'ref': {'name': 'fct_lead_funnel'}}}) }}
with spells as (
    select
        {{ month_start('spells.entered_on') }} as cohort_month,
        steps.from_stage,
        steps.to_stage,
        count(*) as entered_count
    from {{ ref('fct_lead_stage_spells') }} as spells
    inner join {{ ref('funnel_steps') }} as steps on spells.stage = steps.from_stage
    where spells.spell_number = 1
    group by {{ month_start('spells.entered_on') }}, steps.from_stage, steps.to_stage
),

expected as (
    select
        spells.*,
        windows.window_name
    from spells
    cross join {{ ref('funnel_windows') }} as windows
),

by_source as (
    select
        cohort_month,
        from_stage,
        to_stage,
        window_name,
        sum(entered_count) as entered_count,
        sum(reached_count) as reached_count
    from {{ ref('fct_lead_funnel_by_source') }}
    group by cohort_month, from_stage, to_stage, window_name
)

select
    funnel.*,
    expected.entered_count as expected_entered_count
from expected
full join {{ ref('fct_lead_funnel') }} as funnel
    on expected.cohort_month = funnel.cohort_month
    and expected.from_stage = funnel.from_stage
    and expected.to_stage = funnel.to_stage
    and expected.window_name = funnel.window_name
full join by_source
    on expected.cohort_month = by_source.cohort_month
    and expected.from_stage = by_source.from_stage
    and expected.to_stage = by_source.to_stage
    and expected.window_name = by_source.window_name
where
    coalesce(expected.entered_count <> funnel.entered_count, true)
    or coalesce(expected.entered_count <> by_source.entered_count, true)
    or coalesce(by_source.reached_count <> funnel.reached_count, true)
