with raw_rows as (
    select * from {{ source('raw', 'accounts') }}
),

settings as (
    select time_zone from {{ source('control', 'company_settings') }}
),

versioned as (
    select
        *,
        {{ next_known_at(clean_text('account_id')) }} as next_known_at
    from raw_rows
),

final as (
    select
        {{ clean_text('account_id') }} as account_id,
        {{ clean_text('name') }} as name,
        {{ clean_text('domain') }} as domain,
        {{ clean_text('industry') }} as industry,
        employee_count,
        annual_revenue,
        {{ clean_text('country') }} as country,
        {{ clean_text('region') }} as region,
        {{ clean_text('owner_id') }} as owner_id,
        created_at,
        is_churned,
        source,
        known_at,
        loaded_at,
        row_hash,
        source_file,
        source_row,
        {{ business_day('created_at') }} as created_on,
        {{ business_day('known_at') }} as known_on,
        {{ business_day('next_known_at') }} as superseded_on
    from versioned
    cross join settings
)

select * from final
