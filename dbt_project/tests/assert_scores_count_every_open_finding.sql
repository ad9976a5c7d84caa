-- A finding of a table or source that has no score would be lost to those who watch the scores.
{{ config(meta={'dagster': {'ref': {'name': 'fct_data_quality_scores'}}}) }}
with open_findings as (
    select count(*) as findings_count from {{ ref('fct_data_quality_findings') }}
    where is_open
),

scored as (
    select coalesce(sum(findings_count), 0) as findings_count from {{ ref('fct_data_quality_scores') }}
)

select
    open_findings.findings_count,
    scored.findings_count as scored_count
from open_findings
cross join scored
where open_findings.findings_count <> scored.findings_count
