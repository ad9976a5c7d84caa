with months as (
    select * from {{ ref('int_month_spine') }}
),

spells as (
    select * from {{ ref('fct_deal_stage_spells') }}
),

entered as (
    select
        months.month_start,
        spells.stage,
        count(*) as entered_count,
        sum(case when spells.is_reentry then 1 else 0 end) as reentered_count
    from months
    inner join spells on spells.entered_on between months.month_start and months.measured_on
    group by months.month_start, spells.stage
),

ended as (
    select
        months.month_start,
        spells.stage,
        count(*) as left_count,
        {% for outcome in ['forward', 'backward', 'won', 'lost'] -%}
        sum(case when spells.spell_outcome = '{{ outcome }}' then 1 else 0 end) as {{ outcome }}_count,
        {% endfor -%}
        sum(spells.stage_days) as stage_days_sum,
        median(spells.stage_days) as median_stage_days
    from months
    inner join spells on spells.left_on between months.month_start and months.measured_on
    group by months.month_start, spells.stage
),

standing as (
    select
        months.month_start,
        spells.stage,
        count(*) as closing_count
    from months
    inner join spells
        on months.measured_on >= spells.entered_on
        and months.measured_on < coalesce(spells.left_on, {{ no_end() }})
    group by months.month_start, spells.stage
),

first_months as (
    select
        stage,
        min(month_start) as month_start
    from entered
    group by stage
),

grid as (
    select
        first_months.stage,
        months.month_start,
        months.is_complete
    from first_months
    inner join months on first_months.month_start <= months.month_start
),

final as (
    select
        grid.stage,
        grid.month_start,
        coalesce(lag(standing.closing_count) over (partition by grid.stage order by grid.month_start), 0)
            as opening_count,
        coalesce(entered.entered_count, 0) as entered_count,
        cast(coalesce(entered.reentered_count, 0) as bigint) as reentered_count,
        coalesce(ended.left_count, 0) as left_count,
        cast(coalesce(ended.forward_count, 0) as bigint) as left_forward_count,
        cast(coalesce(ended.backward_count, 0) as bigint) as left_backward_count,
        cast(coalesce(ended.won_count, 0) as bigint) as won_count,
        cast(coalesce(ended.lost_count, 0) as bigint) as lost_count,
        coalesce(standing.closing_count, 0) as closing_count,
        grid.is_complete,
        cast(coalesce(ended.stage_days_sum, 0) as bigint) as left_stage_days,
        cast(ended.median_stage_days as double) as median_stage_days
    from grid
    left join entered on grid.stage = entered.stage and grid.month_start = entered.month_start
    left join ended on grid.stage = ended.stage and grid.month_start = ended.month_start
    left join standing on grid.stage = standing.stage and grid.month_start = standing.month_start
)

select * from final
