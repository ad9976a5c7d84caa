-- Every ticket is opened and resolved once, and what the accounts had is what the company had, month by month.
{{ config(meta={'dagster': {'ref': {'name': 'fct_account_support_monthly'}}}) }}
with accounts as (
    select
        month_start,
        sum(tickets_opened_count) as opened_count,
        sum(tickets_resolved_count) as resolved_count,
        sum(tickets_escalated_count) as escalated_count,
        sum(open_tickets_count) as open_count,
        sum(responses_count) as responses_count,
        sum(resolutions_count) as resolutions_count
    from {{ ref('fct_account_support_monthly') }}
    group by month_start
),

differing as (
    select service.month_start
    from {{ ref('fct_service_monthly') }} as service
    left join accounts on service.month_start = accounts.month_start
    where
        service.tickets_count <> coalesce(accounts.opened_count, 0)
        or service.resolved_count <> coalesce(accounts.resolved_count, 0)
        or service.escalated_count <> coalesce(accounts.escalated_count, 0)
        or service.open_tickets_count <> coalesce(accounts.open_count, 0)
        or service.responses_count <> coalesce(accounts.responses_count, 0)
        or service.resolutions_count <> coalesce(accounts.resolutions_count, 0)
),

tickets as (
    select
        count(*) as opened_count,
        count(case when closed_on <= data_until then closed_on end) as resolved_count,
        count(escalated_on) as escalated_count
    from {{ ref('int_tickets_dated') }}
    cross join {{ ref('int_observation_window') }}
),

totals as (
    select
        coalesce(sum(opened_count), 0) as opened_count,
        coalesce(sum(resolved_count), 0) as resolved_count,
        coalesce(sum(escalated_count), 0) as escalated_count
    from accounts
)

select month_start from differing
union all
select cast(null as date)
from tickets
cross join totals
where
    tickets.opened_count <> totals.opened_count
    or tickets.resolved_count <> totals.resolved_count
    or tickets.escalated_count <> totals.escalated_count
