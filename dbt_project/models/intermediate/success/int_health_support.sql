{# Known once the company records tickets; an account without any has no trouble, and no answer to wait for. Where no
   ticket is ever resolved the company does not record it, and nobody knows which are open. #}
{% set window = var('support_window_days') %}

with population as (
    select * from {{ ref('int_health_population') }}
),

tickets as (
    select * from {{ ref('int_tickets_dated') }}
),

recorded as (
    select
        min(opened_on) as first_opened_on,
        count(closed_on) > 0 as says_when_resolved
    from tickets
),

placed as (
    select
        population.account_id,
        population.month_start,
        population.measured_on,
        tickets.opened_on,
        tickets.escalated_on,
        {{ day_diff('tickets.opened_on', 'population.measured_on') }} as age_days,
        coalesce(tickets.closed_on, {{ no_end() }}) > population.measured_on as is_open,
        case
            when {{ within_days('tickets.first_response_on', 'population.measured_on', window) }}
                then round(tickets.response_hours * 3600)
        end as response_seconds
    from population
    inner join tickets
        on population.account_id = tickets.account_id and population.measured_on >= tickets.opened_on
),

measured as (
    select
        account_id,
        month_start,
        {{ sum_within('1', 'opened_on', 'measured_on', window) }} as tickets_90d_count,
        {{ sum_within('1', 'escalated_on', 'measured_on', window) }} as escalated_90d_count,
        cast(max(case when is_open then age_days end) as double) as oldest_open_ticket_days,
        {{ ratio('sum(response_seconds)', '3600 * count(response_seconds)') }} as response_90d_hours
    from placed
    group by account_id, month_start
),

final as (
    select
        population.account_id,
        population.month_start,
        coalesce(measured.tickets_90d_count, 0) as tickets_90d_count,
        coalesce(measured.escalated_90d_count, 0) as escalated_90d_count,
        case when recorded.says_when_resolved then coalesce(measured.oldest_open_ticket_days, 0) end
            as oldest_open_ticket_days,
        measured.response_90d_hours
    from population
    cross join recorded
    left join measured
        on population.account_id = measured.account_id and population.month_start = measured.month_start
    where population.measured_on >= recorded.first_opened_on
)

select * from final
