{# Measured at the first month end of the spell with recurring revenue, as every other figure of MRR. #}
with spells as (
    select * from {{ ref('int_customer_spells') }}
),

mrr as (
    select * from {{ ref('int_mrr_by_month') }}
),

months as (
    select * from {{ ref('int_month_spine') }}
),

placed as (
    select
        spells.account_id,
        spells.spell_number,
        mrr.mrr,
        months.measured_on,
        row_number() over (
            partition by spells.account_id, spells.spell_number order by mrr.month_start
        ) as month_number
    from spells
    inner join mrr on spells.account_id = mrr.account_id
    inner join months on mrr.month_start = months.month_start
    where
        spells.started_on <= months.measured_on
        and coalesce(spells.ended_on, {{ no_end() }}) > months.measured_on
),

final as (
    select
        account_id,
        spell_number,
        mrr as starting_mrr,
        measured_on
    from placed
    where month_number = 1
)

select * from final
