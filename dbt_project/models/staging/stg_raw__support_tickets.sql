with raw_rows as (
    select * from {{ source('raw', 'support_tickets') }}
),

settings as (
    select time_zone from {{ source('control', 'company_settings') }}
),

versioned as (
    select
        *,
        {{ next_known_at(clean_text('ticket_id')) }} as next_known_at
    from raw_rows
),

final as (
    select
        {{ clean_text('ticket_id') }} as ticket_id,
        {{ clean_text('account_id') }} as account_id,
        {{ clean_text('priority') }} as priority,
        opened_at,
        first_response_at,
        resolved_at,
        escalated,
        csat,
        source,
        known_at,
        loaded_at,
        row_hash,
        source_file,
        source_row,
        {{ business_day('opened_at') }} as opened_on,
        {{ business_day('first_response_at') }} as first_response_on,
        {{ business_day('resolved_at') }} as resolved_on,
        {{ business_day('known_at') }} as known_on,
        {{ business_day('next_known_at') }} as superseded_on
    from versioned
    cross join settings
)

select * from final
