{# Scores of past month ends whose outcome is known: the horizon is over, and so is the grace period of contracts. #}
{% set components = ['usage', 'breadth', 'support', 'sentiment', 'commercial', 'health'] %}

with health as (
    select * from {{ ref('fct_account_health_monthly') }}
    where is_complete
),

spells as (
    select * from {{ ref('int_customer_spells') }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
),

settings as (
    select churn_horizon_days from {{ source('control', 'company_settings') }}
),

judged as (
    select
        health.*,
        coalesce(
            spells.ended_on <= {{ add_days('health.measured_on', 'settings.churn_horizon_days') }}, false
        ) as has_churned
    from health
    cross join observation
    cross join settings
    inner join spells
        on
        health.account_id = spells.account_id
        and health.measured_on >= spells.started_on
        and health.measured_on < coalesce(spells.ended_on, {{ no_end() }})
    where
        {{ add_days('health.measured_on', 'settings.churn_horizon_days') }}
        <= case
            when observation.is_contractual then {{ add_days('observation.data_until', '-observation.grace_days') }}
            else observation.data_until
        end
),

final as (
    {% for component in components -%}
    select account_id, month_start, '{{ component }}' as component, {{ component }}_score as score, has_churned
    from judged
    where {{ component }}_score is not null
    {% if not loop.last %}union all
    {% endif -%}
    {% endfor -%}
)

select * from final
