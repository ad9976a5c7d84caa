{% set components = ['usage', 'breadth', 'support', 'sentiment', 'commercial'] %}

with population as (
    select * from {{ ref('int_health_population') }}
),

signals as (
    select * from {{ ref('int_health_signals') }}
),

weights as (
    select * from {{ source('control', 'health_weights') }}
),

bands as (
    select * from {{ ref('health_bands') }}
),

parts as (
    select
        account_id,
        month_start,
        component,
        round({{ ratio('sum(points)', 'count(*)') }}, 2) as score
    from signals
    group by account_id, month_start, component
),

weighted as (
    select
        parts.*,
        weights.weight
    from parts
    inner join weights on parts.component = weights.component
),

totals as (
    select
        account_id,
        month_start,
        {%- for component in components %}
        max(case when component = '{{ component }}' then score end) as {{ component }}_score,
        {%- endfor %}
        count(*) as known_parts_count,
        round(sum(score * weight), 6) as weighted_score_sum,
        round(sum(weight), 6) as weight_sum
    from weighted
    group by account_id, month_start
),

scored as (
    select
        totals.*,
        round({{ ratio('weighted_score_sum', 'weight_sum') }}, 2) as health_score
    from totals
),

final as (
    select
        population.account_id,
        population.month_start,
        bands.band as health_band,
        scored.usage_score,
        scored.breadth_score,
        scored.support_score,
        scored.sentiment_score,
        scored.commercial_score,
        coalesce(scored.known_parts_count, 0) as known_parts_count,
        coalesce(scored.weighted_score_sum, 0) as weighted_score_sum,
        coalesce(scored.weight_sum, 0) as weight_sum,
        scored.health_score,
        population.is_complete,
        population.measured_on
    from population
    left join scored
        on population.account_id = scored.account_id and population.month_start = scored.month_start
    left join bands
        on scored.health_score >= bands.lowest_score
        and scored.health_score < bands.highest_score
)

select * from final
