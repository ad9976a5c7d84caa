with spells as (
    select * from {{ ref('int_account_spell_states') }}
),

accounts as (
    select * from {{ ref('int_accounts_known') }}
),

revenue as (
    select * from {{ ref('int_running_revenue_by_month') }}
    where month_amount > 0
),

ranked as (
    select
        account_id,
        month_amount,
        row_number() over (partition by account_id order by month_start) as month_rank
    from revenue
),

final as (
    select
        spells.account_id,
        accounts.region,
        accounts.segment,
        {{ month_start('spells.first_started_on') }} as cohort_month,
        cast(coalesce(ranked.month_amount, 0) as decimal(18, 2)) as first_amount
    from spells
    inner join accounts on spells.account_id = accounts.account_id
    left join ranked on spells.account_id = ranked.account_id and ranked.month_rank = 1
)

select * from final
