with tickets as (
    select * from {{ ref('stg_raw__support_tickets') }}
    where {{ is_newest() }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
),

aged as (
    select
        tickets.account_id,
        {{ day_diff('tickets.opened_on', 'observation.data_until') }} as age_days,
        tickets.resolved_at is null as is_open
    from tickets
    cross join observation
    where tickets.opened_on <= observation.data_until
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
