with findings as (
    select * from {{ ref('int_findings_tracked') }}
),

rules as (
    select * from {{ ref('finding_rules') }}
),

final as (
    select
        findings.finding_id,
        findings.rule,
        rules.family,
        rules.severity,
        rules.owner,
        findings.source,
        findings.table_name,
        findings.row_key,
        findings.message,
        rules.mend,
        findings.rows_count,
        cast(findings.reopened_count as bigint) as reopened_count,
        findings.resolved_at is null as is_open,
        findings.first_seen,
        findings.last_seen,
        findings.resolved_at,
        findings.happened_on
    from findings
    left join rules on findings.rule = rules.rule
)

select * from final
