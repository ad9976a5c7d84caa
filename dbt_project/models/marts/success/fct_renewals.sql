with due as (
    select * from {{ ref('int_subscriptions_due') }}
),

accounts as (
    select * from {{ ref('int_accounts_known') }}
),

spells as (
    select * from {{ ref('int_customer_spells') }}
),

judged as (
    select
        due.*,
        accounts.owner_id,
        case
            when due.renewed_mrr > due.mrr then 'renewed_with_expansion'
            when due.renewed_mrr < due.mrr then 'renewed_with_contraction'
            when due.renewed_mrr = due.mrr then 'renewed'
            when due.due_in_days > 0 then 'upcoming'
            when due.has_grace_left then 'in_grace'
            when spells.ended_on is not null then 'churned'
            else 'lapsed'
        end as status
    from due
    left join accounts on due.account_id = accounts.account_id
    left join spells on due.account_id = spells.account_id and due.covered_until = spells.ended_on
),

marked as (
    select
        judged.*,
        status not in ('upcoming', 'in_grace') as is_decided
    from judged
),

final as (
    select
        subscription_id,
        account_id,
        owner_id,
        {{ month_start('due_on') }} as due_month,
        plan,
        billing_period,
        status,
        cast(mrr as decimal(18, 2)) as due_mrr,
        cast(case when is_decided then coalesce(renewed_mrr, 0) end as decimal(18, 2)) as renewed_mrr,
        cast(case when is_decided then coalesce(renewed_mrr, 0) - mrr end as decimal(18, 2)) as change_mrr,
        due_in_days,
        auto_renew as has_auto_renew,
        is_open_ended,
        is_decided,
        renewed_on is not null as is_renewed,
        status = 'upcoming' and due_in_days <= 30 as is_due_in_30_days,
        status = 'upcoming' and due_in_days <= 60 as is_due_in_60_days,
        status = 'upcoming' and due_in_days <= 90 as is_due_in_90_days,
        due_on,
        renewed_on
    from marked
)

select * from final
