with stage_spells as (
    select * from {{ ref('int_account_stage_spells') }}
),

spells as (
    select
        *,
        lead(started_on) over (partition by account_id order by spell_number) as next_started_on
    from {{ ref('int_customer_spells') }}
),

months as (
    select * from {{ ref('int_month_spine') }}
),

revenue as (
    select * from {{ ref('int_revenue_by_month') }}
),

staged as (
    select
        stage_spells.account_id,
        stage_spells.stage as lifecycle_stage,
        months.month_start,
        months.measured_on,
        months.is_complete
    from stage_spells
    inner join months
        on stage_spells.entered_on <= months.measured_on
        and coalesce(stage_spells.exited_on, {{ no_end() }}) > months.measured_on
),

final as (
    select
        staged.account_id,
        staged.lifecycle_stage,
        spells.spell_number as customer_spell_number,
        cast(coalesce(revenue.mrr, 0) as decimal(18, 2)) as mrr,
        cast(coalesce(revenue.revenue_amount, 0) as decimal(18, 2)) as revenue_amount,
        {{ day_diff('spells.started_on', 'staged.measured_on') }} as spell_age_days,
        coalesce(spells.ended_on, {{ no_end() }}) > staged.measured_on
        and spells.spell_number is not null as is_active,
        staged.is_complete,
        staged.month_start,
        staged.measured_on,
        spells.started_on as spell_started_on
    from staged
    left join spells
        on staged.account_id = spells.account_id
        and staged.measured_on >= spells.started_on
        and staged.measured_on < coalesce(spells.next_started_on, {{ no_end() }})
    left join revenue
        on staged.account_id = revenue.account_id
        and staged.month_start = revenue.month_start
)

select * from final
