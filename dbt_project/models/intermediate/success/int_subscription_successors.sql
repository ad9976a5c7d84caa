{# A period follows the one it names. One that names none, or one that cannot be it, follows the last period of its
   account that fell due before it, if nothing named follows that one and the grace was not over. So every period
   follows at most one other, and money that was renewed is counted once. #}
with periods as (
    select * from {{ ref('int_subscription_periods') }}
),

versions as (
    select * from {{ ref('stg_raw__subscriptions') }}
    where {{ is_newest() }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
    where is_contractual
),

pairs as (
    select
        followers.subscription_id as follower_id,
        followers.mrr as follower_mrr,
        followers.started_on as follower_started_on,
        due.subscription_id,
        due.mrr as due_mrr,
        due.ended_on as due_on,
        coalesce(versions.renewed_from = due.subscription_id, false) as is_named
    from periods as followers
    cross join observation
    inner join versions on followers.subscription_id = versions.subscription_id
    inner join periods as due
        on
        followers.account_id = due.account_id
        and followers.subscription_id <> due.subscription_id
        and followers.started_on > due.started_on
        and followers.started_on <= {{ add_days('due.covered_until', 'observation.grace_days') }}
    where due.ended_on is not null
),

marked as (
    select
        pairs.*,
        max(case when is_named then 1 else 0 end) over (partition by subscription_id) as has_named_follower
    from pairs
    where is_named or follower_started_on >= due_on
),

ranked as (
    select
        marked.*,
        row_number() over (
            partition by follower_id
            order by case when is_named then 0 else 1 end asc, due_on desc, due_mrr desc, subscription_id asc
        ) as choice
    from marked
    where is_named or has_named_follower = 0
),

final as (
    select
        follower_id,
        subscription_id,
        follower_mrr,
        is_named,
        follower_started_on
    from ranked
    where choice = 1
)

select * from final
