with periods as (
    select * from {{ ref('int_subscription_periods') }}
    where ended_on is not null
),

accounts as (
    select * from {{ ref('int_accounts_known') }}
),

successors as (
    select * from {{ ref('int_subscription_successors') }}
),

spells as (
    select * from {{ ref('int_customer_spells') }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
    where is_contractual
),

followed as (
    select
        subscription_id,
        sum(follower_mrr) as renewed_mrr,
        min(follower_started_on) as renewed_on
    from successors
    group by subscription_id
),

judged as (
    select
        periods.*,
        accounts.owner_id,
        followed.renewed_mrr,
        followed.renewed_on,
        {{ day_diff('observation.data_until', 'periods.ended_on') }} as due_in_days,
        case
            when followed.renewed_mrr > periods.mrr then 'renewed_with_expansion'
            when followed.renewed_mrr < periods.mrr then 'renewed_with_contraction'
            when followed.renewed_mrr = periods.mrr then 'renewed'
            when periods.ended_on > observation.data_until then 'upcoming'
            when {{ add_days('periods.covered_until', 'observation.grace_days') }} > observation.data_until
                then 'in_grace'
            when spells.ended_on is not null then 'churned'
            else 'lapsed'
        end as status
    from periods
    cross join observation
    left join accounts on periods.account_id = accounts.account_id
    left join followed on periods.subscription_id = followed.subscription_id
    left join spells on periods.account_id = spells.account_id and periods.covered_until = spells.ended_on
),

final as (
    select
        subscription_id,
        account_id,
        owner_id,
        {{ month_start('ended_on') }} as due_month,
        plan,
        billing_period,
        status,
        mrr as due_mrr,
        cast(case when status in ('upcoming', 'in_grace') then null else coalesce(renewed_mrr, 0) end as decimal(18, 2))
            as renewed_mrr,
        cast(
            case when status in ('upcoming', 'in_grace') then null else coalesce(renewed_mrr, 0) - mrr end
            as decimal(18, 2)
        ) as change_mrr,
        due_in_days,
        auto_renew as has_auto_renew,
        status not in ('upcoming', 'in_grace') as is_decided,
        renewed_on is not null as is_renewed,
        status = 'upcoming' and due_in_days <= 30 as is_due_in_30_days,
        status = 'upcoming' and due_in_days <= 60 as is_due_in_60_days,
        status = 'upcoming' and due_in_days <= 90 as is_due_in_90_days,
        ended_on as due_on,
        renewed_on
    from judged
)

select * from final
