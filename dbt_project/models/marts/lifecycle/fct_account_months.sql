with account_months as (
    select * from {{ ref('int_account_month_states') }}
),

accounts as (
    select * from {{ ref('int_accounts_known') }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
),

compared as (
    select
        *,
        row_number() over (partition by account_id order by month_start) - 1 as known_months,
        row_number() over (
            partition by account_id, customer_spell_number, is_active order by month_start
        ) - 1 as spell_months,
        lag(lifecycle_stage) over (partition by account_id order by month_start) as previous_lifecycle_stage,
        lag(retention_state) over (partition by account_id order by month_start) as previous_retention_state
    from account_months
),

final as (
    select
        compared.account_id,
        compared.lifecycle_stage,
        compared.previous_lifecycle_stage,
        compared.retention_state,
        compared.previous_retention_state,
        accounts.segment,
        accounts.region,
        compared.customer_spell_number,
        cast(compared.known_months as integer) as known_months,
        cast(case when compared.is_active then compared.spell_months end as integer) as spell_months,
        compared.mrr,
        compared.revenue_amount,
        compared.current_amount,
        compared.earlier_amount,
        compared.is_active,
        coalesce(compared.previous_retention_state <> 'churned', false) as is_active_at_start,
        coalesce(compared.previous_retention_state <> 'churned', false) and not compared.is_active as has_churned,
        compared.has_usage_drop,
        compared.is_renewal_overdue,
        compared.is_purchase_due,
        compared.is_complete,
        case
            when observation.is_contractual
                then {{ add_days('compared.measured_on', 'observation.grace_days') }} <= observation.data_until
            else compared.is_complete
        end as is_settled,
        compared.days_since_purchase,
        compared.month_start,
        compared.measured_on as as_of
    from compared
    inner join accounts on compared.account_id = accounts.account_id
    cross join observation
)

select * from final
