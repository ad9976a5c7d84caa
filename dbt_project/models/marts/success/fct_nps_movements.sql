with answers as (
    select * from {{ ref('int_survey_answers') }}
    where nps_group is not null
),

compared as (
    select
        answers.*,
        lag(answer_id) over (partition by account_id order by answer_number) as previous_response_id,
        lag(nps_group) over (partition by account_id order by answer_number) as previous_nps_group,
        lag(score) over (partition by account_id order by answer_number) as previous_score,
        lag(answered_on) over (partition by account_id order by answer_number) as previous_responded_on,
        lead(answer_id) over (partition by account_id order by answer_number) is null as is_newest_answer
    from answers
),

final as (
    select
        answer_id as response_id,
        account_id,
        previous_response_id,
        month_start,
        nps_group,
        previous_nps_group,
        case
            when previous_nps_group is null then 'first_answer'
            when previous_nps_group = nps_group then 'same_group'
            when score > previous_score then 'improved'
            else 'worsened'
        end as movement,
        score,
        previous_score,
        score - previous_score as score_change,
        is_newest_answer,
        answered_on as responded_on,
        previous_responded_on
    from compared
)

select * from final
