with raw_rows as (
    select * from {{ source('raw', 'survey_responses') }}
),

settings as (
    select time_zone from {{ source('control', 'company_settings') }}
),

versioned as (
    select
        *,
        {{ next_known_at(clean_text('response_id')) }} as next_known_at
    from raw_rows
),

final as (
    select
        {{ clean_text('response_id') }} as response_id,
        {{ clean_text('account_id') }} as account_id,
        {{ clean_text('kind') }} as kind,
        score,
        responded_at,
        {{ clean_text('comment') }} as comment,
        source,
        known_at,
        loaded_at,
        row_hash,
        source_file,
        source_row,
        {{ business_day('responded_at') }} as responded_on,
        {{ business_day('known_at') }} as known_on,
        {{ business_day('next_known_at') }} as superseded_on
    from versioned
    cross join settings
)

select * from final
