{# Sources that fell silent, and rows that were refused. #}
with quarantined as (
    {% for table in raw_tables() -%}
    select
        source,
        '{{ table }}' as table_name,
        concat(source_file, ':', cast(source_row as varchar)) as row_key,
        {{ joined_text('reasons') }} as message,
        cast(loaded_at as date) as loaded_on
    from {{ source('quarantine', table) }}
    where mended_at is null
    {% if not loop.last %}union all
    {% endif %}
    {%- endfor %}
),

refused as (
    select
        'quarantined_row' as rule,
        min(source) as source,
        table_name,
        row_key,
        min(message) as message,
        cast(1 as bigint) as rows_count,
        min(loaded_on) as happened_on
    from quarantined
    group by table_name, row_key
),

gaps as (
    select
        table_name,
        happened_on,
        {{ day_diff('lag(happened_on) over (partition by table_name order by happened_on)', 'happened_on') }}
            as gap_days
    from {{ ref('int_business_events') }}
),

rhythms as (
    select
        table_name,
        max(happened_on) as last_on,
        percentile_cont(0.95) within group (order by gap_days) as usual_gap_days
    from gaps
    group by table_name
),

sources as (
    select
        table_name,
        min(source) as source
    from {{ ref('int_landed_rows') }}
    group by table_name
),

silent as (
    select
        'stale_source' as rule,
        sources.source,
        rhythms.table_name,
        '(all)' as row_key,
        concat('No new row since ', cast(rhythms.last_on as varchar), '.') as message,
        cast(1 as bigint) as rows_count,
        rhythms.last_on as happened_on
    from rhythms
    inner join sources on rhythms.table_name = sources.table_name
    cross join {{ ref('int_observation_window') }} as observation
    where
        {{ day_diff('rhythms.last_on', 'observation.data_until') }} > observation.stale_source_min_days
        and {{ day_diff('rhythms.last_on', 'observation.data_until') }}
        > observation.stale_source_factor * rhythms.usual_gap_days
),

final as (
    select * from refused
    union all
    select * from silent
)

select * from final
