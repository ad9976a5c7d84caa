-- The stage of the last month is the one that dim_accounts states for today. An account of which a fact has no day up
-- to the end of the data is left out: dim_accounts counts the fact, and no month can.
{{ config(meta={'dagster': {'ref': {'name': 'fct_account_months'}}}) }}
with last_month as (
    select max(month_start) as month_start from {{ ref('int_month_spine') }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
),

unplaced as (
    select lead_accounts.account_id
    from {{ ref('int_lead_stage_entries') }} as entries
    inner join {{ ref('int_lead_accounts') }} as lead_accounts on entries.lead_id = lead_accounts.lead_id
    cross join observation
    where entries.entered_on is null or entries.entered_on > observation.data_until
    union
    select deals.account_id
    from {{ ref('int_deals_enriched') }} as deals
    cross join observation
    where not deals.is_open and (deals.closed_on is null or deals.closed_on > observation.data_until)
)

select
    accounts.account_id,
    accounts.lifecycle_stage as todays_stage,
    months.lifecycle_stage as last_stage
from {{ ref('fct_account_months') }} as months
inner join last_month on months.month_start = last_month.month_start
inner join {{ ref('dim_accounts') }} as accounts on months.account_id = accounts.account_id
left join unplaced on accounts.account_id = unplaced.account_id
where unplaced.account_id is null and accounts.lifecycle_stage <> months.lifecycle_stage
