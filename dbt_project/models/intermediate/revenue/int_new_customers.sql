with first_days as (
    select * from {{ ref('int_account_first_days') }}
),

accounts as (
    select * from {{ ref('int_accounts_known') }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
),

final as (
    select
        first_days.account_id,
        coalesce(accounts.region, 'unknown') as region,
        coalesce(accounts.segment, 'unknown') as segment,
        first_days.first_customer_on as customer_on,
        {{ month_start('first_days.first_customer_on') }} as month_start
    from first_days
    cross join observation
    left join accounts on first_days.account_id = accounts.account_id
    where first_days.first_customer_on <= observation.data_until
)

select * from final
