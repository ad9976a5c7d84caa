-- Every purchase is new, repeated or returned, and none is lost.
{{ config(meta={'dagster': {'ref': {'name': 'fct_purchase_movements'}}}) }}
with movements as (
    select
        sum(purchased_amount) as purchased_amount,
        sum(new_amount + repeat_amount + returned_amount) as explained_amount
    from {{ ref('fct_purchase_movements') }}
),

purchases as (
    select sum(amount) as amount
    from {{ ref('fct_purchases') }}
    cross join {{ ref('int_observation_window') }}
    where is_transactional
)

select
    movements.purchased_amount,
    movements.explained_amount,
    purchases.amount
from movements
cross join purchases
where
    movements.purchased_amount <> movements.explained_amount
    or coalesce(movements.purchased_amount, 0) <> coalesce(purchases.amount, 0)
