with findings as (
    select * from {{ ref('fct_data_quality_findings') }}
),

severities as (
    select * from {{ ref('finding_severities') }}
),

weighed as (
    select
        findings.*,
        case when findings.is_open then findings.rows_count else 0 end as open_rows_count,
        severities.weight
    from findings
    left join severities on findings.severity = severities.severity
),

final as (
    select
        rule,
        family,
        severity,
        owner,
        mend,
        source,
        table_name,
        min(case when is_open then message end) as example,
        cast(sum(case when is_open then 1 else 0 end) as bigint) as open_findings_count,
        cast(sum(case when is_open then 0 else 1 end) as bigint) as resolved_findings_count,
        cast(sum(case when is_open and reopened_count > 0 then 1 else 0 end) as bigint) as reopened_findings_count,
        cast(sum(open_rows_count) as bigint) as open_rows_count,
        cast(sum(weight * open_rows_count) as double) as weighted_rows_count,
        min(first_seen) as first_seen,
        max(last_seen) as last_seen,
        min(case when is_open then happened_on end) as oldest_open_on
    from weighed
    group by rule, family, severity, owner, mend, source, table_name
)

select * from final
