with raw_rows as (
    select * from {{ source('raw', 'lead_stage_events') }}
),

settings as (
    select time_zone from {{ source('control', 'company_settings') }}
),

versioned as (
    select
        *,
        {{ next_known_at(clean_text('event_id')) }} as next_known_at
    from raw_rows
),

final as (
    select
        {{ clean_text('event_id') }} as event_id,
        {{ clean_text('lead_id') }} as lead_id,
        {{ clean_text('stage') }} as stage,
        entered_at,
        {{ clean_text('actor') }} as actor,
        {{ clean_text('reason') }} as reason,
        source_score,
        is_reached,
        source,
        known_at,
        loaded_at,
        row_hash,
        source_file,
        source_row,
        {{ business_day('entered_at') }} as entered_on,
        {{ business_day('known_at') }} as known_on,
        {{ business_day('next_known_at') }} as superseded_on
    from versioned
    cross join settings
)

select * from final
