with periods as (
    select * from {{ ref('int_subscription_periods') }}
),

spells as (
    select * from {{ ref('int_account_spell_states') }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
),

current_periods as (
    select
        periods.*,
        observation.data_until,
        periods.started_on > spells.current_started_on
        and (periods.is_renewal or periods.started_on >= min(periods.covered_until) over (
            partition by periods.account_id
        )) as renews,
        periods.covered_until > observation.data_until as is_running
    from periods
    inner join spells on periods.account_id = spells.account_id
    cross join observation
    where periods.started_on >= spells.current_started_on
),

final as (
    select
        account_id,
        max(case when renews then 1 else 0 end) = 1 as has_renewed,
        max(case when is_running then plan end) as current_plan,
        sum(case when is_running then seats end) as current_seats,
        min(case when is_running then ended_on end) as renewal_on
    from current_periods
    group by account_id
)

select * from final
