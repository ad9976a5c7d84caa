with raw_rows as (
    select * from {{ source('raw', 'subscriptions') }}
),

settings as (
    select time_zone from {{ source('control', 'company_settings') }}
),

versioned as (
    select
        *,
        {{ next_known_at(clean_text('subscription_id')) }} as next_known_at
    from raw_rows
),

final as (
    select
        {{ clean_text('subscription_id') }} as subscription_id,
        {{ clean_text('account_id') }} as account_id,
        {{ clean_text('plan') }} as plan,
        seats,
        mrr,
        {{ clean_text('currency') }} as currency,
        started_on,
        ended_on,
        {{ clean_text('renewed_from') }} as renewed_from,
        is_trial,
        {{ clean_text('billing_period') }} as billing_period,
        auto_renew,
        source,
        known_at,
        loaded_at,
        row_hash,
        source_file,
        source_row,
        {{ business_day('known_at') }} as known_on,
        {{ business_day('next_known_at') }} as superseded_on
    from versioned
    cross join settings
)

select * from final
