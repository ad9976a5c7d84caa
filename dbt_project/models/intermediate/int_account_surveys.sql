with responses as (
    select * from {{ ref('stg_raw__survey_responses') }}
    where {{ is_newest() }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
),

ranked as (
    select
        responses.*,
        row_number() over (
            partition by responses.account_id, responses.kind
            order by responses.responded_at desc, responses.response_id asc
        ) as newest_rank
    from responses
    cross join observation
    where responses.responded_on <= observation.data_until
),

newest as (
    select * from ranked
    where newest_rank = 1
),

final as (
    select
        account_id,
        max(case when kind = 'nps' then score end) as nps_score,
        max(case when kind = 'csat' then score end) as csat_score
    from newest
    group by account_id
)

select * from final
