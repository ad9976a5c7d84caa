{# Contractual. The renewal is the next anniversary of a running contract that does not renew by itself: the day on
   which a contract ended is not read, because it was often not known before. #}
with population as (
    select * from {{ ref('int_health_population') }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
    where is_contractual
),

mrr as (
    select * from {{ ref('int_mrr_by_month') }}
),

periods as (
    select
        *,
        {{ billing_months('billing_period') }} as billing_months
    from {{ ref('int_subscription_periods') }}
),

renewing as (
    select
        population.account_id,
        population.month_start,
        cast(min({{ day_diff(
            'population.measured_on',
            next_anniversary('periods.started_on', 'population.measured_on', 'periods.billing_months')
        ) }}) as double) as renewal_due_days
    from population
    inner join periods
        on
        population.account_id = periods.account_id
        and periods.started_on <= population.measured_on
        and periods.covered_until > population.measured_on
    where periods.billing_months > 1 and not coalesce(periods.auto_renew, false)
    group by population.account_id, population.month_start
),

payments as (
    select * from {{ ref('int_health_payments') }}
),

final as (
    select
        population.account_id,
        population.month_start,
        payments.payment_days,
        {{ ratio('mrr.mrr', 'earlier.mrr') }} as mrr_trend_ratio,
        renewing.renewal_due_days
    from population
    cross join observation
    inner join mrr on population.account_id = mrr.account_id and population.month_start = mrr.month_start
    left join mrr as earlier
        on
        population.account_id = earlier.account_id
        and population.month_start = {{ add_months('earlier.month_start', var('mrr_trend_months')) }}
    left join renewing
        on population.account_id = renewing.account_id and population.month_start = renewing.month_start
    left join payments
        on population.account_id = payments.account_id and population.month_start = payments.month_start
)

select * from final
