with raw_rows as (
    select * from {{ source('raw', 'transactions') }}
),

settings as (
    select time_zone from {{ source('control', 'company_settings') }}
),

versioned as (
    select
        *,
        {{ next_known_at(clean_text('transaction_id')) }} as next_known_at
    from raw_rows
),

final as (
    select
        {{ clean_text('transaction_id') }} as transaction_id,
        {{ clean_text('account_id') }} as account_id,
        amount,
        {{ clean_text('currency') }} as currency,
        {{ clean_text('kind') }} as kind,
        occurred_at,
        paid_at,
        source,
        known_at,
        loaded_at,
        row_hash,
        source_file,
        source_row,
        {{ business_day('occurred_at') }} as occurred_on,
        {{ business_day('paid_at') }} as paid_on,
        {{ business_day('known_at') }} as known_on,
        {{ business_day('next_known_at') }} as superseded_on
    from versioned
    cross join settings
)

select * from final
