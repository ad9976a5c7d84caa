-- Opening and movements give closing, and one month's closing is the next month's opening, to the cent.
with movements as (
    select * from {{ ref('fct_mrr_movements') }}
),

compared as (
    select
        movements.*,
        opening_mrr + new_mrr + expansion_mrr + contraction_mrr + churn_mrr + reactivation_mrr as expected_closing_mrr,
        sum(closing_mrr - opening_mrr) over (
            partition by account_id order by month_start
            rows between unbounded preceding and current row
        ) as expected_balance
    from movements
)

select * from compared
where closing_mrr <> expected_closing_mrr or closing_mrr <> expected_balance
