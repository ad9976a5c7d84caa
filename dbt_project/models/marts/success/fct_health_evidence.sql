{# Concordance: of all pairs of one that churned and one that stayed, the share in which the one that churned had the
   lower score; a tie counts half (the area under the ROC curve: Hanley and McNeil 1982). #}
with outcomes as (
    select * from {{ ref('int_health_outcomes') }}
),

bands as (
    select * from {{ ref('health_bands') }}
),

scores as (
    select
        component,
        score,
        {{ rows_where('has_churned') }} as churned_count,
        {{ rows_where('not has_churned') }} as stayed_count
    from outcomes
    group by component, score
),

ordered as (
    select
        scores.*,
        coalesce(sum(stayed_count) over (
            partition by component order by score desc rows between unbounded preceding and 1 preceding
        ), 0) as stayed_above_count
    from scores
),

compared as (
    select
        component,
        sum(churned_count * (stayed_above_count + 0.5 * stayed_count)) as concordant_pairs_count,
        sum(churned_count) * sum(stayed_count) as pairs_count
    from ordered
    group by component
),

banded as (
    select
        outcomes.component,
        bands.band,
        count(*) as account_months_count,
        count(distinct outcomes.account_id) as accounts_count,
        {{ rows_where('outcomes.has_churned') }} as churned_count
    from outcomes
    inner join bands
        on outcomes.score >= bands.lowest_score and outcomes.score < bands.highest_score
    group by outcomes.component, bands.band
),

final as (
    select
        banded.component,
        banded.band,
        banded.account_months_count,
        banded.accounts_count,
        banded.churned_count,
        {{ ratio('banded.churned_count', 'banded.account_months_count') }} as churn_rate,
        cast(compared.concordant_pairs_count as double) as concordant_pairs_count,
        cast(compared.pairs_count as double) as pairs_count,
        {{ ratio('compared.concordant_pairs_count', 'compared.pairs_count') }} as concordance_ratio
    from banded
    inner join compared on banded.component = compared.component
)

select * from final
