-- The bands of a part hold every customer and month end whose outcome is known.
{{ config(meta={'dagster': {'ref': {'name': 'fct_health_evidence'}}}) }}
with outcomes as (
    select
        component,
        count(*) as rows_count,
        {{ rows_where('has_churned') }} as churned_count
    from {{ ref('int_health_outcomes') }}
    group by component
),

evidence as (
    select
        component,
        sum(account_months_count) as rows_count,
        sum(churned_count) as churned_count,
        max(pairs_count) as pairs_count,
        max(concordant_pairs_count) as concordant_pairs_count
    from {{ ref('fct_health_evidence') }}
    group by component
)

select outcomes.component
from outcomes
left join evidence on outcomes.component = evidence.component
where
    evidence.component is null
    or outcomes.rows_count <> evidence.rows_count
    or outcomes.churned_count <> evidence.churned_count
    or evidence.pairs_count <> outcomes.churned_count * (outcomes.rows_count - outcomes.churned_count)
    or evidence.concordant_pairs_count > evidence.pairs_count
