{# The memory of findings: what an earlier run saw is kept, so this table is never built anew. #}
{{ config(
    materialized='incremental', unique_key='finding_id', incremental_strategy='delete+insert', full_refresh=false,
    on_schema_change='append_new_columns'
) }}

with found as (
    select * from {{ ref('int_findings_found') }}
),

known as (
    {% if is_incremental() -%}
    select * from {{ this }}
    {%- else -%}
    select
        found.*,
        cast(0 as bigint) as reopened_count,
        cast(null as timestamp) as first_seen,
        cast(null as timestamp) as last_seen,
        cast(null as timestamp) as resolved_at
    from found
    where 1 = 0
    {%- endif %}
),

seen as (
    select
        found.*,
        coalesce(known.reopened_count, 0) + case when known.resolved_at is null then 0 else 1 end as reopened_count,
        coalesce(known.first_seen, {{ run_instant() }}) as first_seen,
        {{ run_instant() }} as last_seen,
        cast(null as timestamp) as resolved_at
    from found
    left join known on found.finding_id = known.finding_id
),

vanished as (
    select
        known.finding_id,
        known.rule,
        known.source,
        known.table_name,
        known.row_key,
        known.message,
        known.rows_count,
        known.happened_on,
        known.reopened_count,
        known.first_seen,
        known.last_seen,
        {{ run_instant() }} as resolved_at
    from known
    left join found on known.finding_id = found.finding_id
    where known.resolved_at is null and found.finding_id is null
),

final as (
    select * from seen
    union all
    select * from vanished
)

select * from final
