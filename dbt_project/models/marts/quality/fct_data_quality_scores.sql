with landed as (
    select * from {{ ref('int_landed_rows') }}
),

counted as (
    select * from {{ ref('int_findings_by_table') }}
),

weights as (
    select
        max(case when severity = 'error' then weight end) as error_weight,
        max(case when severity = 'warning' then weight end) as warning_weight,
        max(case when severity = 'info' then weight end) as info_weight
    from {{ ref('finding_severities') }}
),

capped as (
    select
        landed.source,
        landed.table_name,
        counted.owner,
        {% for severity in ['error', 'warning', 'info'] -%}
        coalesce(counted.{{ severity }}_findings_count, 0) as {{ severity }}_findings_count,
        least(coalesce(counted.{{ severity }}_rows_count, 0), landed.rows_count) as {{ severity }}_rows_count,
        {% endfor -%}
        coalesce(counted.findings_count, 0) as findings_count,
        landed.rows_count
    from landed
    left join counted on landed.source = counted.source and landed.table_name = counted.table_name
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
