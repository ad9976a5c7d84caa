with spells as (
    select * from {{ ref('int_customer_spells') }}
),

months as (
    select * from {{ ref('int_month_spine') }}
),

final as (
    select distinct
        spells.account_id,
        months.month_start
    from spells
    inner join months
        on spells.started_on <= months.measured_on
        and coalesce(spells.ended_on, {{ no_end() }}) > months.measured_on
)

select * from final
