{# The paid subscriptions of each as_of, and those of 90 and 180 days before as they were known then. A subscription
   counts on its last day only if no other one has taken over by then. #}
{{ config(materialized='ephemeral', contract={'enforced': false}) }}

with as_of_dates as (
    select * from {{ ref('int_as_of_dates') }}
),

subscriptions as (
    select * from {{ ref('int_subscriptions_converted') }}
),

measured_dates as (
    {% for days_back in [0, 90, 180] -%}
    select as_of, {{ days_back }} as days_back, {{ add_days('as_of', -days_back) }} as measured_on from as_of_dates
    {% if not loop.last %}union all
    {% endif %}
    {%- endfor %}
),

held as (
    select
        subscriptions.subscription_id,
        subscriptions.account_id,
        subscriptions.plan,
        subscriptions.billing_period,
        subscriptions.auto_renew,
        subscriptions.seats,
        subscriptions.mrr,
        subscriptions.started_on,
        measured_dates.as_of,
        measured_dates.days_back,
        {{ billing_months('subscriptions.billing_period') }} as billing_months,
        coalesce(subscriptions.ended_on = measured_dates.measured_on, false) as is_last_day
    from subscriptions
    inner join measured_dates
        on subscriptions.started_on <= measured_dates.measured_on
        and (subscriptions.ended_on is null or subscriptions.ended_on >= measured_dates.measured_on)
        and {{ known_as_of('subscriptions', 'measured_dates.measured_on') }}
    where
        subscriptions.mrr > 0
        and not coalesce(subscriptions.is_trial, false)
        and (subscriptions.ended_on is null or subscriptions.ended_on > subscriptions.started_on)
),

compared as (
    select
        *,
        min(case when is_last_day then 1 else 0 end) over (
            partition by account_id, as_of, days_back
        ) = 1 as is_nothing_else_held
    from held
),

final as (
    select * from compared
    where not is_last_day or is_nothing_else_held
)

select * from final
