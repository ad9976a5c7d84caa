with answers as (
    select * from {{ ref('int_survey_answers') }}
    where kind <> 'ticket_csat'
),

ranked as (
    select
        answers.*,
        row_number() over (partition by account_id, kind order by answer_number desc) as newest_rank
    from answers
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
