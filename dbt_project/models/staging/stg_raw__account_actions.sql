with raw_rows as (
    select * from {{ source('raw', 'account_actions') }}
),

settings as (
    select time_zone from {{ source('control', 'company_settings') }}
),

versioned as (
    select
        *,
        {{ next_known_at(clean_text('action_id')) }} as next_known_at
    from raw_rows
),

final as (
    select
        {{ clean_text('action_id') }} as action_id,
        {{ clean_text('account_id') }} as account_id,
        {{ clean_text('kind') }} as kind,
        {{ clean_text('assigned_to') }} as assigned_to,
        started_at,
        {{ clean_text('outcome') }} as outcome,
        holdout,
        source,
        known_at,
        loaded_at,
        row_hash,
        source_file,
        source_row,
        {{ business_day('started_at') }} as started_on,
        {{ business_day('known_at') }} as known_on,
        {{ business_day('next_known_at') }} as superseded_on
    from versioned
    cross join settings
)

select * from final
