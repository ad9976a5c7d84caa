with raw_rows as (
    select * from {{ source('raw', 'deals') }}
),

settings as (
    select time_zone from {{ source('control', 'company_settings') }}
),

versioned as (
    select
        *,
        {{ next_known_at(clean_text('deal_id')) }} as next_known_at
    from raw_rows
),

final as (
    select
        {{ clean_text('deal_id') }} as deal_id,
        {{ clean_text('account_id') }} as account_id,
        {{ clean_text('lead_id') }} as lead_id,
        {{ clean_text('name') }} as name,
        amount,
        {{ clean_text('currency') }} as currency,
        {{ clean_text('pipeline') }} as pipeline,
        {{ clean_text('owner_id') }} as owner_id,
        created_at,
        expected_close_on,
        closed_at,
        {{ clean_text('outcome') }} as outcome,
        {{ clean_text('lost_reason') }} as lost_reason,
        source,
        known_at,
        loaded_at,
        row_hash,
        source_file,
        source_row,
        {{ business_day('created_at') }} as created_on,
        {{ business_day('closed_at') }} as closed_on,
        {{ business_day('known_at') }} as known_on,
        {{ business_day('next_known_at') }} as superseded_on
    from versioned
    cross join settings
)

select * from final
