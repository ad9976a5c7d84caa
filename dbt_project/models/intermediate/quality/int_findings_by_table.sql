with findings as (
    select * from {{ ref('fct_data_quality_findings') }}
    where is_open
),

severities as (
    select * from {{ ref('finding_severities') }}
),

counted as (
    select
        source,
        table_name,
        {% for severity in ['error', 'warning', 'info'] -%}
        sum(case when severity = '{{ severity }}' then 1 else 0 end) as {{ severity }}_findings_count,
        sum(case when severity = '{{ severity }}' then rows_count else 0 end) as {{ severity }}_rows_count,
        {% endfor -%}
        count(*) as findings_count
    from findings
    group by source, table_name
),

weighed as (
    select
        findings.source,
        findings.table_name,
        findings.owner,
        sum(severities.weight * findings.rows_count) as weighted_rows_count
    from findings
    inner join severities on findings.severity = severities.severity
    group by findings.source, findings.table_name, findings.owner
),

ranked as (
    select
        weighed.*,
        row_number() over (
            partition by source, table_name
            order by weighted_rows_count desc, owner asc
        ) as owner_rank
    from weighed
),

final as (
    select
        counted.*,
        ranked.owner
    from counted
    left join ranked
        on counted.source = ranked.source and counted.table_name = ranked.table_name and ranked.owner_rank = 1
)

select * from final
