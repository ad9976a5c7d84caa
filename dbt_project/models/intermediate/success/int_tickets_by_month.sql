with tickets as (
    select * from {{ ref('int_tickets_dated') }}
),

months as (
    select * from {{ ref('int_month_spine') }}
),

final as (
    select
        tickets.ticket_id,
        tickets.account_id,
        months.month_start,
        tickets.response_hours,
        tickets.resolution_hours,
        {{ day_diff('tickets.opened_on', 'months.measured_on') }} as age_days,
        tickets.opened_on >= months.month_start as is_opened,
        coalesce(tickets.first_response_on between months.month_start and months.measured_on, false) as is_answered,
        coalesce(tickets.closed_on between months.month_start and months.measured_on, false) as is_resolved,
        coalesce(tickets.escalated_on between months.month_start and months.measured_on, false) as is_escalated,
        coalesce(tickets.closed_on, {{ no_end() }}) > months.measured_on as is_open,
        months.is_complete,
        months.measured_on
    from tickets
    inner join months
        on
        tickets.opened_on <= months.measured_on
        and greatest(
            coalesce(tickets.closed_on, {{ no_end() }}), coalesce(tickets.first_response_on, tickets.opened_on)
        ) >= months.month_start
)

select * from final
