{% set families = [
    'stages', 'scores', 'stale', 'duplicates', 'orphans', 'money', 'deals', 'usage', 'service', 'profiles', 'landing'
] %}

with found as (
    {% for family in families -%}
    select * from {{ ref('int_findings_' ~ family) }}
    {% if not loop.last %}union all
    {% endif %}
    {%- endfor %}
),

rules as (
    select * from {{ ref('finding_rules') }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
),

final as (
    select
        {{ hashed_key(['found.rule', 'found.table_name', 'found.row_key']) }} as finding_id,
        found.rule,
        rules.family,
        rules.severity,
        rules.owner,
        found.table_name,
        found.row_key,
        found.message,
        rules.mend,
        found.rows_count,
        found.first_seen,
        observation.data_until as last_seen,
        cast(null as date) as resolved_at
    from found
    inner join rules on found.rule = rules.rule
    cross join observation
)

select * from final
