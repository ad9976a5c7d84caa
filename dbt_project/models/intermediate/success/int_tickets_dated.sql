{# An escalation has no time of its own: it counts from the first version that tells it, and not after the ticket was
   resolved or the data ended. A ticket resolved before it was opened was closed on the day it was opened. #}
with versions as (
    select * from {{ ref('stg_raw__support_tickets') }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
),

newest as (
    select
        versions.*,
        case when versions.resolved_on is not null then greatest(versions.resolved_on, versions.opened_on) end
            as closed_on,
        least(
            greatest(coalesce(versions.resolved_on, observation.data_until), versions.opened_on), observation.data_until
        ) as open_until
    from versions
    cross join observation
    where {{ is_newest('versions') }} and versions.opened_on <= observation.data_until
),

told as (
    select
        ticket_id,
        min(known_on) as told_on
    from versions
    where escalated
    group by ticket_id
),

final as (
    select
        newest.ticket_id,
        newest.account_id,
        {{ duration_hours('newest.opened_at', 'newest.first_response_at') }} as response_hours,
        {{ duration_hours('newest.opened_at', 'newest.resolved_at') }} as resolution_hours,
        newest.opened_on,
        newest.first_response_on,
        newest.closed_on,
        case when newest.escalated then least(greatest(newest.opened_on, told.told_on), newest.open_until) end
            as escalated_on
    from newest
    left join told on newest.ticket_id = told.ticket_id
)

select * from final
