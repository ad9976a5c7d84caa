-- As many renewals as contract periods that end, and no money is renewed twice or lost.
{{ config(meta={'dagster': {'ref': {'name': 'fct_renewals'}}}) }}
with periods as (
    select count(*) as periods_count
    from {{ ref('int_subscription_periods') }}
    cross join {{ ref('int_observation_window') }}
    where is_contractual and ended_on is not null
),

followers as (
    select coalesce(sum(follower_mrr), 0) as renewed_mrr from {{ ref('int_subscription_successors') }}
),

renewals as (
    select
        count(case when not is_open_ended then subscription_id end) as periods_count,
        coalesce(sum(renewed_mrr), 0) as renewed_mrr,
        coalesce(sum(change_mrr), 0) as change_mrr,
        coalesce(sum(case when is_decided then due_mrr end), 0) as decided_mrr
    from {{ ref('fct_renewals') }}
)

select
    periods.periods_count as expected_count,
    renewals.periods_count,
    followers.renewed_mrr as expected_mrr,
    renewals.renewed_mrr
from periods
cross join followers
cross join renewals
where
    periods.periods_count <> renewals.periods_count
    or followers.renewed_mrr <> renewals.renewed_mrr
    or renewals.decided_mrr + renewals.change_mrr <> renewals.renewed_mrr
