{# What falls due and what followed it. A contract without an end falls due on its next anniversary, unless it is billed
   every month. #}
with periods as (
    select
        *,
        {{ billing_months('billing_period') }} as billing_months
    from {{ ref('int_subscription_periods') }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
    where is_contractual
),

successors as (
    select * from {{ ref('int_subscription_successors') }}
),

followed as (
    select
        subscription_id,
        sum(follower_mrr) as renewed_mrr,
        min(follower_started_on) as renewed_on
    from successors
    group by subscription_id
),

dated as (
    select
        periods.*,
        observation.data_until,
        observation.grace_days,
        case
            when periods.ended_on is not null then periods.ended_on
            when periods.billing_months > 1
                then {{ next_anniversary('periods.started_on', 'observation.data_until', 'periods.billing_months') }}
        end as due_on
    from periods
    cross join observation
),

final as (
    select
        dated.subscription_id,
        dated.account_id,
        dated.plan,
        dated.billing_period,
        dated.mrr,
        followed.renewed_mrr,
        {{ day_diff('dated.data_until', 'dated.due_on') }} as due_in_days,
        dated.auto_renew,
        dated.ended_on is null as is_open_ended,
        {{ add_days('dated.covered_until', 'dated.grace_days') }} > dated.data_until as has_grace_left,
        dated.due_on,
        dated.covered_until,
        followed.renewed_on
    from dated
    left join followed on dated.subscription_id = followed.subscription_id
    where dated.due_on is not null
)

select * from final
