{# The newest answer of each kind that is not too old, as a share of its scale. #}
with population as (
    select * from {{ ref('int_health_population') }}
),

answers as (
    select * from {{ ref('int_survey_answers') }}
),

placed as (
    select
        population.account_id,
        population.month_start,
        answers.kind,
        answers.score_ratio,
        row_number() over (
            partition by population.account_id, population.month_start, answers.kind
            order by answers.answer_number desc
        ) as newest_answer
    from population
    inner join answers
        on
        population.account_id = answers.account_id
        and {{ within_days('answers.answered_on', 'population.measured_on', var('sentiment_window_days')) }}
),

final as (
    select
        account_id,
        month_start,
        max(case when kind = 'nps' then score_ratio end) as nps_ratio,
        max(case when kind = 'csat' then score_ratio end) as csat_ratio,
        max(case when kind = 'ticket_csat' then score_ratio end) as ticket_csat_ratio
    from placed
    where newest_answer = 1
    group by account_id, month_start
)

select * from final
