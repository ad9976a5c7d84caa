with raw_rows as (
    select * from {{ source('raw', 'marketing_spend') }}
),

settings as (
    select time_zone from {{ source('control', 'company_settings') }}
),

versioned as (
    select
        *,
        {{ next_known_at(clean_text('spend_id')) }} as next_known_at
    from raw_rows
),

final as (
    select
        {{ clean_text('spend_id') }} as spend_id,
        month,
        {{ clean_text('channel') }} as channel,
        amount,
        {{ clean_text('currency') }} as currency,
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
