{# What the retention state follows from. Contractual: MRR now and some months ago; transactional: revenue of the last
   inactivity window and of the one before it. Only what lies in the running spell is compared. #}
with account_months as (
    select * from {{ ref('int_account_months') }}
),

usage as (
    select * from {{ ref('int_account_month_usage') }}
),

purchases as (
    select * from {{ ref('int_account_month_purchases') }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
),

compared as (
    select
        *,
        {%- set ago = var('movement_months') ~ ') over (partition by account_id order by month_start)' %}
        lag(mrr, {{ ago }} as mrr_before,
        lag(customer_spell_number, {{ ago }} as spell_before
    from account_months
    where is_active
),

joined as (
    select
        compared.*,
        observation.is_contractual,
        observation.inactivity_days,
        usage.recent_events,
        usage.earlier_events,
        usage.earlier_days,
        purchases.recent_amount,
        purchases.earlier_amount,
        {{ day_diff('purchases.last_purchased_on', 'compared.measured_on') }} as days_since_purchase
    from compared
    cross join observation
    left join usage
        on compared.account_id = usage.account_id and compared.month_start = usage.month_start
    left join purchases
        on compared.account_id = purchases.account_id and compared.month_start = purchases.month_start
),

final as (
    select
        account_id,
        month_start,
        case when is_contractual then mrr else recent_amount end as current_amount,
        case
            when is_contractual and spell_before = customer_spell_number then nullif(mrr_before, 0)
            when not is_contractual and spell_age_days >= 2 * inactivity_days - 1 then earlier_amount
        end as earlier_amount,
        case when is_contractual then 0 else {{ var('stable_revenue_ratio') }} end as stable_ratio,
        days_since_purchase,
        coalesce(
            earlier_days >= {{ var('usage_drop_min_days') }}
            and recent_events < {{ var('usage_drop_ratio') }} * earlier_events, false
        ) as has_usage_drop,
        is_contractual and mrr = 0 as is_renewal_overdue,
        not is_contractual
        and coalesce(days_since_purchase > {{ var('purchase_due_ratio') }} * inactivity_days, false) as is_purchase_due
    from joined
)

select * from final
