-- The months of all accounts add up to the newest rows of use up to the end of the data, and the last month ends as
-- dim_accounts says: a month that was not built again would show here.
{{ config(meta={'dagster': {'ref': {'name': 'fct_account_usage_monthly'}}}) }}
with landed as (
    select
        count(*) as rows_count,
        coalesce(sum(coalesce(usage.events, 1)), 0) as events_count
    from {{ ref('stg_raw__product_usage') }} as usage
    cross join {{ ref('int_observation_window') }} as observation
    where {{ is_newest('usage') }} and usage.used_on <= observation.data_until
),

reported as (
    select coalesce(sum(events_count), 0) as events_count from {{ ref('fct_account_usage_monthly') }}
),

last_month as (
    select account_id, events_28d_count
    from {{ ref('fct_account_usage_monthly') }}
    cross join {{ ref('int_observation_window') }}
    where measured_on = data_until
),

differing as (
    select accounts.account_id
    from {{ ref('dim_accounts') }} as accounts
    left join last_month on accounts.account_id = last_month.account_id
    where accounts.usage_28d_events_count <> coalesce(last_month.events_28d_count, 0)
)

select 'all accounts' as account_id
from landed
cross join reported
where landed.events_count <> reported.events_count
union all
select account_id from differing
