with months as (
    select * from {{ ref('int_revenue_by_month') }}
),

spells as (
    select * from {{ ref('int_account_spell_states') }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
),

placed as (
    select
        months.*,
        months.month_start = {{ month_start('observation.data_until') }} as is_current,
        row_number() over (
            partition by months.account_id
            order by
                case
                    when months.mrr > 0 and months.month_start >= {{ month_start('spells.current_started_on') }} then 0
                    else 1
                end,
                months.month_start
        ) = 1 as is_first_of_spell
    from months
    cross join observation
    left join spells on months.account_id = spells.account_id
),

final as (
    select
        account_id,
        sum(case when is_current then mrr else 0 end) as current_mrr,
        sum(case when is_first_of_spell then mrr else 0 end) as starting_mrr,
        sum(mrr) as subscribed_amount,
        sum(revenue_amount) as revenue_amount
    from placed
    group by account_id
)

select * from final
