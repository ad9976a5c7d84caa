-- An account has every month from the first one in which it is known to the last one of the data.
{{ config(meta={'dagster': {'ref': {'name': 'fct_account_months'}}}) }}
with first_days as (
    select
        account_id,
        min(happened_on) as first_known_on
    from {{ ref('int_account_signal_days') }}
    group by account_id
),

expected as (
    select
        first_days.account_id,
        count(*) as months_count
    from first_days
    inner join {{ ref('int_month_spine') }} as months on first_days.first_known_on <= months.measured_on
    group by first_days.account_id
),

reported as (
    select
        account_id,
        count(*) as months_count
    from {{ ref('fct_account_months') }}
    group by account_id
)

select
    coalesce(expected.account_id, reported.account_id) as account_id,
    expected.months_count,
    reported.months_count as reported_months_count
from expected
full join reported on expected.account_id = reported.account_id
where coalesce(expected.months_count, 0) <> coalesce(reported.months_count, 0)
