{# What was scored on a day cannot be scored again later, so this table is never built anew. #}
{{ config(
    materialized='incremental', unique_key='scored_on', incremental_strategy='delete+insert', full_refresh=false,
    on_schema_change='append_new_columns'
) }}

with scores as (
    select * from {{ ref('fct_data_quality_scores') }}
),

settings as (
    select time_zone from {{ source('control', 'company_settings') }}
),

final as (
    select
        scores.source,
        scores.table_name,
        scores.findings_count,
        scores.rows_count,
        scores.error_rows_count,
        scores.warning_rows_count,
        scores.info_rows_count,
        scores.weighted_rows_count,
        scores.score,
        {{ run_instant() }} as scored_at,
        {{ business_day(run_instant()) }} as scored_on
    from scores
    cross join settings
)

select * from final
