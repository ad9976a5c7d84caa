{{ config(materialized='table') }}

with raw_rows as (
    select * from {{ source('raw', 'product_usage') }}
),

settings as (
    select time_zone from {{ source('control', 'company_settings') }}
),

versioned as (
    select
        *,
        {{ next_known_at(clean_text('usage_id')) }} as next_known_at
    from raw_rows
),

final as (
    select
        {{ clean_text('usage_id') }} as usage_id,
        {{ clean_text('account_id') }} as account_id,
        {{ clean_text('subscription_id') }} as subscription_id,
        used_on,
        {{ clean_text('feature') }} as feature,
        active_users,
        events,
        minutes,
        errors,
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
