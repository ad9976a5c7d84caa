{# held_until is the first day on which nothing holds the customer any more: a subscription counts through its last
   day, because a follow-up that starts the day after is not known yet on a month end. #}
{{ config(schema='intermediate', unique_key='as_of', pre_hook="{{ clear_months('as_of') }}") }}

with settings as (
    select * from {{ ref('int_observation_window') }}
),

as_of_dates as (
    select * from {{ ref('int_as_of_dates') }}
),

subscriptions as (
    select * from {{ ref('stg_raw__subscriptions') }}
),

transactions as (
    select * from {{ ref('stg_raw__transactions') }}
),

subscribed as (
    select
        subscriptions.account_id,
        as_of_dates.as_of,
        subscriptions.started_on,
        case
            when subscriptions.ended_on <= as_of_dates.as_of then {{ add_days('subscriptions.ended_on', 1) }}
            else {{ no_end() }}
        end as held_until,
        settings.grace_days as gap_days
    from subscriptions
    cross join settings
    inner join as_of_dates
        on subscriptions.started_on <= as_of_dates.as_of
        and {{ known_as_of('subscriptions', 'as_of_dates.as_of') }}
    where
        settings.is_contractual
        and subscriptions.mrr > 0
        and not coalesce(subscriptions.is_trial, false)
        and (subscriptions.ended_on is null or subscriptions.ended_on > subscriptions.started_on)
),

purchase_days as (
    select distinct
        transactions.account_id,
        transactions.occurred_on,
        transactions.known_on,
        transactions.superseded_on
    from transactions
    cross join settings
    where settings.is_transactional and transactions.kind <> 'refund' and transactions.amount > 0
),

purchased as (
    select
        purchase_days.account_id,
        as_of_dates.as_of,
        purchase_days.occurred_on as started_on,
        {{ add_days('purchase_days.occurred_on', 'settings.inactivity_days') }} as held_until,
        0 as gap_days
    from purchase_days
    cross join settings
    inner join as_of_dates
        on purchase_days.occurred_on <= as_of_dates.as_of
        and {{ known_as_of('purchase_days', 'as_of_dates.as_of') }}
),

held as (
    select * from subscribed
    union all
    select * from purchased
),

ordered as (
    select
        *,
        max(held_until) over (
            partition by account_id, as_of order by started_on rows between unbounded preceding and 1 preceding
        ) as held_before_until
    from held
),

summed_up as (
    select
        account_id,
        as_of,
        min(started_on) as customer_since_on,
        max(held_until) as held_until,
        max(case when started_on > {{ add_days('held_before_until', 'gap_days') }} then 1 else 0 end) = 1 as is_returned
    from ordered
    group by account_id, as_of
),

final as (
    select
        account_id,
        as_of,
        customer_since_on,
        is_returned
    from summed_up
    where held_until > as_of
)

select * from final
