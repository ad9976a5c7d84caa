{# The first rule that fits decides: what is lost or may be comes before what is new, and that before growth. #}
with account_months as (
    select * from {{ ref('int_account_months') }}
),

signs as (
    select * from {{ ref('int_account_month_signs') }}
),

final as (
    select
        account_months.*,
        signs.current_amount,
        signs.earlier_amount,
        signs.days_since_purchase,
        coalesce(signs.has_usage_drop, false) as has_usage_drop,
        coalesce(signs.is_renewal_overdue, false) as is_renewal_overdue,
        coalesce(signs.is_purchase_due, false) as is_purchase_due,
        case
            when account_months.customer_spell_number is null then null
            when not account_months.is_active then 'churned'
            when signs.has_usage_drop or signs.is_renewal_overdue or signs.is_purchase_due then 'at_risk'
            when
                account_months.customer_spell_number > 1
                and account_months.spell_age_days < {{ var('reactivated_days') }} then 'reactivated'
            when
                account_months.customer_spell_number = 1
                and account_months.spell_age_days < {{ var('onboarding_days') }} then 'onboarding'
            when signs.current_amount < (1 - signs.stable_ratio) * signs.earlier_amount then 'contracting'
            when signs.current_amount > (1 + signs.stable_ratio) * signs.earlier_amount then 'expanding'
            else 'retained'
        end as retention_state
    from account_months
    left join signs
        on account_months.account_id = signs.account_id
        and account_months.month_start = signs.month_start
)

select * from final
