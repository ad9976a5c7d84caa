with landed as (
    select * from {{ ref('int_landed_rows') }}
),

findings as (
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
        count(*) as findings_count,
        {% for severity in ['error', 'warning', 'info'] -%}
        sum(case when severity = '{{ severity }}' then 1 else 0 end) as {{ severity }}_findings_count,
        sum(case when severity = '{{ severity }}' then rows_count else 0 end) as {{ severity }}_rows_count
        {%- if not loop.last %},{% endif %}
        {% endfor %}
    from findings
    group by source, table_name
),

weights as (
    select
        {% for severity in ['error', 'warning', 'info'] -%}
        max(case when severity = '{{ severity }}' then weight end) as {{ severity }}_weight
        {%- if not loop.last %},{% endif %}
        {% endfor %}
    from severities
),

owned as (
    select
        findings.source,
        findings.table_name,
        findings.owner,
        row_number() over (
            partition by findings.source, findings.table_name
            order by sum(severities.weight * findings.rows_count) desc, findings.owner
        ) as owner_rank
    from findings
    inner join severities on findings.severity = severities.severity
    group by findings.source, findings.table_name, findings.owner
),

capped as (
    select
        landed.source,
        landed.table_name,
        owned.owner,
        {% for severity in ['error', 'warning', 'info'] -%}
        coalesce(counted.{{ severity }}_findings_count, 0) as {{ severity }}_findings_count,
        least(coalesce(counted.{{ severity }}_rows_count, 0), landed.rows_count) as {{ severity }}_rows_count,
        {% endfor -%}
        coalesce(counted.findings_count, 0) as findings_count,
        landed.rows_count
    from landed
    left join counted on landed.source = counted.source and landed.table_name = counted.table_name
    left join owned
        on landed.source = owned.source and landed.table_name = owned.table_name and owned.owner_rank = 1
),

weighted as (
    select
        capped.*,
        least(
            weights.error_weight * capped.error_rows_count
            + weights.warning_weight * capped.warning_rows_count
            + weights.info_weight * capped.info_rows_count,
            capped.rows_count
        ) as weighted_rows_count
    from capped
    cross join weights
),

final as (
    select
        source,
        table_name,
        owner,
        cast(findings_count as bigint) as findings_count,
        cast(error_findings_count as bigint) as error_findings_count,
        cast(warning_findings_count as bigint) as warning_findings_count,
        cast(info_findings_count as bigint) as info_findings_count,
        cast(rows_count as bigint) as rows_count,
        cast(error_rows_count as bigint) as error_rows_count,
        cast(warning_rows_count as bigint) as warning_rows_count,
        cast(info_rows_count as bigint) as info_rows_count,
        cast(weighted_rows_count as double) as weighted_rows_count,
        100 * (1 - {{ ratio('weighted_rows_count', 'rows_count') }}) as score
    from weighted
)

select * from final
