-- Every answer is in one group, in one movement and in one month.
{{ config(meta={'dagster': {'ref': {'name': 'fct_nps_movements'}}}) }}
with answers as (
    select
        month_start,
        count(*) as answers_count
    from {{ ref('fct_nps_movements') }}
    group by month_start
),

service as (
    select * from {{ ref('fct_service_monthly') }}
)

select service.month_start
from service
left join answers on service.month_start = answers.month_start
where
    service.nps_responses_count <> coalesce(answers.answers_count, 0)
    or service.nps_responses_count
    <> service.promoters_count + service.passives_count + service.detractors_count
