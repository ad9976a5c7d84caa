{{ config(unique_key='as_of', pre_hook="{{ clear_months('as_of') }}") }}

with customers as (
    select * from {{ ref('int_customer_as_of') }}
    where {{ is_in_run('as_of') }}
),

as_of_dates as (
    select * from {{ ref('int_as_of_dates') }}
),

tickets as (
    select * from {{ ref('stg_raw__support_tickets') }}
),

contacts as (
    select * from {{ ref('int_customer_contacts_as_of') }}
),

known as (
    select
        tickets.account_id,
        as_of_dates.as_of,
        tickets.opened_on,
        coalesce(tickets.resolved_on <= as_of_dates.as_of, false) as is_resolved,
        tickets.escalated,
        tickets.csat,
        {{ seconds_after('tickets.opened_at', 'tickets.resolved_at') }} as resolution_seconds,
        case
            when tickets.first_response_on <= as_of_dates.as_of
                then {{ seconds_after('tickets.opened_at', 'tickets.first_response_at') }}
        end as first_response_seconds
    from tickets
    inner join as_of_dates
        on {{ within_days('tickets.opened_on', 'as_of_dates.as_of', 365) }}
        and {{ known_as_of('tickets', 'as_of_dates.as_of') }}
),

masked as (
    select
        account_id,
        as_of,
        opened_on,
        first_response_seconds,
        case when not is_resolved then opened_on end as still_open_since_on,
        case when is_resolved and escalated then 1 else 0 end as escalated,
        case when is_resolved then csat end as csat,
        case when is_resolved then resolution_seconds end as resolution_seconds
    from known
),

measured as (
    select
        account_id,
        as_of,
        {{ sum_within('1', 'opened_on', 'as_of', 30) }} as tickets_30d,
        {{ sum_within('1', 'opened_on', 'as_of', 90) }} as tickets_90d,
        {{ sum_before('1', 'opened_on', 'as_of', 90) }} as tickets_90d_before,
        {{ sum_within('escalated', 'opened_on', 'as_of', 90) }} as escalated_90d,
        count(still_open_since_on) as open_tickets,
        min(still_open_since_on) as oldest_open_on,
        avg(case
            when {{ within_days('opened_on', 'as_of', 90) }} then first_response_seconds
        end) as first_response_90d,
        avg(case when {{ within_days('opened_on', 'as_of', 90) }} then resolution_seconds end) as resolution_90d,
        avg(case when {{ within_days('opened_on', 'as_of', 180) }} then cast(csat as decimal(18, 4)) end) as csat_180d,
        max(opened_on) as last_opened_on
    from masked
    group by account_id, as_of
),

final as (
    select
        customers.account_id,
        customers.as_of,
        coalesce(measured.tickets_30d, 0) as tickets_30d_count,
        coalesce(measured.tickets_90d, 0) as tickets_90d_count,
        {{ ratio('measured.tickets_90d', 'measured.tickets_90d_before') }} as tickets_90d_trend_ratio,
        coalesce(measured.escalated_90d, 0) as escalated_90d_count,
        cast(coalesce(measured.open_tickets, 0) as double) as open_tickets_count,
        cast({{ day_diff('measured.oldest_open_on', 'customers.as_of') }} as double) as oldest_open_ticket_days,
        cast(measured.first_response_90d as double) / 3600 as first_response_90d_hours,
        cast(measured.resolution_90d as double) / 3600 as resolution_90d_hours,
        cast(measured.csat_180d as double) as csat_180d_score,
        cast({{ day_diff('measured.last_opened_on', 'customers.as_of') }} as double) as last_ticket_days,
        coalesce(contacts.actions_90d, 0) as actions_90d_count,
        coalesce(contacts.touchpoints_90d, 0) as touchpoints_90d_count,
        cast({{ day_diff('contacts.last_contact_on', 'customers.as_of') }} as double) as last_contact_days
    from customers
    left join measured
        on customers.account_id = measured.account_id and customers.as_of = measured.as_of
    left join contacts
        on customers.account_id = contacts.account_id and customers.as_of = contacts.as_of
)

select * from final
