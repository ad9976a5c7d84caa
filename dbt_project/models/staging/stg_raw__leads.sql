with raw_rows as (
    select * from {{ source('raw', 'leads') }}
),

settings as (
    select time_zone from {{ source('control', 'company_settings') }}
),

versioned as (
    select
        *,
        {{ next_known_at(clean_text('lead_id')) }} as next_known_at
    from raw_rows
),

final as (
    select
        {{ clean_text('lead_id') }} as lead_id,
        {{ clean_text('account_id') }} as account_id,
        {{ clean_text('email_hash') }} as email_hash,
        {{ clean_text('job_title') }} as job_title,
        {{ clean_text('seniority') }} as seniority,
        {{ clean_text('lead_source') }} as lead_source,
        {{ clean_text('campaign') }} as campaign,
        {{ clean_text('country') }} as country,
        {{ clean_text('region') }} as region,
        {{ clean_text('industry') }} as industry,
        {{ clean_text('company_size') }} as company_size,
        created_at,
        consent,
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
