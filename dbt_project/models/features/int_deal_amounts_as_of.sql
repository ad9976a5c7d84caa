{# The usual amount of a deal as known on a month end: median of the deals created in the 365 days before, by industry
   (of the account, else of the lead) and over all industries, for which the industry is null. #}
{{ config(materialized='ephemeral', contract={'enforced': false}) }}

with open_deals as (
    select * from {{ ref('int_deal_as_of') }}
    where {{ is_in_run('as_of_month') }}
),

deals as (
    select * from {{ ref('int_deals_converted') }}
),

accounts as (
    select * from {{ ref('stg_raw__accounts') }}
),

leads as (
    select * from {{ ref('stg_raw__leads') }}
),

measured_dates as (
    select distinct
        case when as_of = as_of_month then as_of else {{ month_end(add_months('as_of_month', -1)) }} end as measured_on
    from open_deals
),

known as (
    select
        measured_dates.measured_on,
        cast(deals.amount as double) as amount,
        coalesce(accounts.industry, leads.industry, 'unknown') as industry
    from deals
    inner join measured_dates
        on {{ within_days('deals.created_on', 'measured_dates.measured_on', 365) }}
        and {{ known_as_of('deals', 'measured_dates.measured_on') }}
    left join accounts
        on deals.account_id = accounts.account_id
        and {{ known_as_of('accounts', 'measured_dates.measured_on') }}
    left join leads
        on deals.lead_id = leads.lead_id
        and {{ known_as_of('leads', 'measured_dates.measured_on') }}
    where deals.amount is not null
),

final as (
    select measured_on, industry, median(amount) as median_amount, count(*) as deals_count
    from known
    group by measured_on, industry
    union all
    select measured_on, null as industry, median(amount) as median_amount, count(*) as deals_count
    from known
    group by measured_on
)

select * from final
