{# Sources that fell silent, and rows that were refused. #}
{% set tables = [
    'accounts', 'leads', 'lead_stage_events', 'touchpoints', 'deals', 'deal_stage_events', 'subscriptions',
    'transactions', 'product_usage', 'support_tickets', 'survey_responses', 'marketing_spend', 'account_actions'
] %}

with quarantined as (
    {% for table in tables -%}
    select
        '{{ table }}' as table_name,
        concat(source_file, ':', cast(source_row as varchar)) as row_key,
        {{ joined_text('reasons') }} as message,
        cast(loaded_at as date) as loaded_on
    from {{ source('quarantine', table) }}
    {% if not loop.last %}union all
    {% endif %}
    {%- endfor %}
),

refused as (
    select
        'quarantined_row' as rule,
        table_name,
        row_key,
        min(message) as message,
        cast(1 as bigint) as rows_count,
        min(loaded_on) as first_seen
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
        greatest(
            {{ var('stale_source_factor') }} * percentile_cont(0.95) within group (order by gap_days),
            {{ var('stale_source_min_days') }}
        ) as longest_silence_days
    from gaps
    group by table_name
),

silent as (
    select
        'stale_source' as rule,
        rhythms.table_name,
        '(all)' as row_key,
        concat('No new row since ', cast(rhythms.last_on as varchar), '.') as message,
        cast(1 as bigint) as rows_count,
        rhythms.last_on as first_seen
    from rhythms
    cross join {{ ref('int_observation_window') }} as observation
    where {{ day_diff('rhythms.last_on', 'observation.data_until') }} > rhythms.longest_silence_days
),

final as (
    select * from refused
    union all
    select * from silent
)

select * from final
