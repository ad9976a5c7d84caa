-- A rule that is not in the seed would drop its findings without a word.
{{ config(meta={'dagster': {'ref': {'name': 'fct_data_quality_findings'}}}) }}
{% set families = [
    'stages', 'scores', 'stale', 'duplicates', 'orphans', 'money', 'deals', 'usage', 'service', 'profiles', 'landing'
] %}

with found as (
    {% for family in families -%}
    select rule from {{ ref('int_findings_' ~ family) }}
    {% if not loop.last %}union
    {% endif %}
    {%- endfor %}
)

select found.rule
from found
left join {{ ref('finding_rules') }} as rules on found.rule = rules.rule
where rules.rule is null
