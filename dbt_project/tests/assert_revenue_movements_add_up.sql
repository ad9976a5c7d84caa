-- In every month, region and segment: opening and changes give closing, one closing is the next opening, and closing is
-- the MRR that is reported; of a transactional company the changes give what was bought.
{{ config(meta={'dagster': {'ref': {'name': 'fct_revenue_movements'}}}) }}
with months as (
    select
        month_start,
        region,
        segment,
        mrr
    from {{ ref('fct_monthly_revenue') }}
),

movements as (
    select
        month_start,
        region,
        segment,
        sum(case when movement = 'opening' then amount else 0 end) as opening_amount,
        sum(case when role = 'change' then amount else 0 end) as changed_amount,
        sum(case when movement = 'closing' then amount else 0 end) as closing_amount
    from {{ ref('fct_revenue_movements') }}
    group by month_start, region, segment
),

purchases as (
    select
        {{ month_start('purchases.purchased_on') }} as month_start,
        accounts.region,
        accounts.segment,
        sum(purchases.amount) as purchased_amount
    from {{ ref('fct_purchases') }} as purchases
    inner join {{ ref('int_accounts_known') }} as accounts on purchases.account_id = accounts.account_id
    group by {{ month_start('purchases.purchased_on') }}, accounts.region, accounts.segment
),

compared as (
    select
        months.*,
        observation.is_contractual,
        coalesce(movements.opening_amount, 0) as opening_amount,
        coalesce(movements.changed_amount, 0) as changed_amount,
        coalesce(movements.closing_amount, 0) as closing_amount,
        coalesce(purchases.purchased_amount, 0) as purchased_amount,
        lag(coalesce(movements.closing_amount, 0), 1, 0) over (
            partition by months.region, months.segment order by months.month_start
        ) as closing_before_amount
    from months
    cross join {{ ref('int_observation_window') }} as observation
    left join movements
        on months.month_start = movements.month_start
        and months.region = movements.region
        and months.segment = movements.segment
    left join purchases
        on months.month_start = purchases.month_start
        and months.region = purchases.region
        and months.segment = purchases.segment
)

select * from compared
where
    case
        when is_contractual
            then
                closing_amount <> opening_amount + changed_amount
                or closing_amount <> mrr
                or opening_amount <> closing_before_amount
        else changed_amount <> purchased_amount
    end
