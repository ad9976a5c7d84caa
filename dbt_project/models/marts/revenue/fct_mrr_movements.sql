with mrr as (
    select * from {{ ref('int_mrr_by_month') }}
),

months as (
    select * from {{ ref('int_month_spine') }}
),

sides as (
    select account_id, month_start, 0 as opening_mrr, mrr as closing_mrr
    from mrr
    union all
    select account_id, {{ add_months('month_start', 1) }} as month_start, mrr as opening_mrr, 0 as closing_mrr
    from mrr
),

balances as (
    select
        account_id,
        month_start,
        sum(opening_mrr) as opening_mrr,
        sum(closing_mrr) as closing_mrr,
        row_number() over (partition by account_id order by month_start) = 1 as is_first_month
    from sides
    group by account_id, month_start
),

final as (
    select
        balances.account_id,
        balances.month_start,
        cast(opening_mrr as decimal(18, 2)) as opening_mrr,
        cast(case when is_first_month then closing_mrr else 0 end as decimal(18, 2)) as new_mrr,
        cast(
            case when opening_mrr > 0 and closing_mrr > opening_mrr then closing_mrr - opening_mrr else 0 end
            as decimal(18, 2)
        ) as expansion_mrr,
        cast(
            case when closing_mrr > 0 and closing_mrr < opening_mrr then closing_mrr - opening_mrr else 0 end
            as decimal(18, 2)
        ) as contraction_mrr,
        cast(case when closing_mrr = 0 then -opening_mrr else 0 end as decimal(18, 2)) as churn_mrr,
        cast(
            case when opening_mrr = 0 and not is_first_month then closing_mrr else 0 end
            as decimal(18, 2)
        ) as reactivation_mrr,
        cast(closing_mrr as decimal(18, 2)) as closing_mrr,
        months.is_complete
    from balances
    inner join months on balances.month_start = months.month_start
)

select * from final
