with subscriptions as (
    select * from {{ ref('int_subscriptions_converted') }}
    where {{ is_newest() }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
),

paid as (
    select subscriptions.*
    from subscriptions
    cross join observation
    where
        not coalesce(subscriptions.is_trial, false)
        and subscriptions.mrr > 0
        and subscriptions.started_on <= observation.data_until
        and (subscriptions.ended_on is null or subscriptions.ended_on > subscriptions.started_on)
),

starts as (
    select distinct
        account_id,
        started_on
    from paid
),

final as (
    select
        paid.subscription_id,
        paid.account_id,
        paid.plan,
        paid.billing_period,
        paid.currency,
        paid.seats,
        paid.mrr,
        paid.given_mrr,
        paid.auto_renew,
        paid.renewed_from is not null as is_renewal,
        paid.started_on,
        paid.ended_on,
        coalesce(starts.started_on, paid.ended_on, {{ no_end() }}) as covered_until
    from paid
    left join starts
        on paid.account_id = starts.account_id
        and {{ add_days('paid.ended_on', 1) }} = starts.started_on
)

select * from final
