with tickets as (
    select * from {{ ref('int_tickets_dated') }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
),

aged as (
    select
        tickets.account_id,
        {{ day_diff('tickets.opened_on', 'observation.data_until') }} as age_days,
        coalesce(tickets.closed_on, {{ no_end() }}) > observation.data_until as is_open
    from tickets
    cross join observation
),

final as (
    select
        account_id,
        count(*) as tickets_count,
        sum(case when age_days < {{ var('support_window_days') }} then 1 else 0 end) as tickets_90d_count,
        sum(case when is_open then 1 else 0 end) as open_tickets_count
    from aged
    group by account_id
)

select * from final
