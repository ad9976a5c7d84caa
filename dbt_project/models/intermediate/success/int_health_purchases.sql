{# Transactional: how lately, as a share of the inactivity window after which a customer has lapsed, and how often. #}
with population as (
    select * from {{ ref('int_health_population') }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
    where is_transactional
),

purchases as (
    select * from {{ ref('int_purchase_days') }}
),

final as (
    select
        population.account_id,
        population.month_start,
        {{ ratio(
            day_diff('max(purchases.purchased_on)', 'max(population.measured_on)'), 'max(observation.inactivity_days)'
        ) }} as purchase_recency_ratio,
        {{ sum_within('1', 'purchases.purchased_on', 'population.measured_on', var('purchase_window_days')) }}
            as purchases_365d_count
    from population
    cross join observation
    inner join purchases
        on population.account_id = purchases.account_id and population.measured_on >= purchases.purchased_on
    group by population.account_id, population.month_start
)

select * from final
