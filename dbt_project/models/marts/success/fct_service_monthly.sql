with tickets as (
    select * from {{ ref('int_tickets_by_month') }}
),

answers as (
    select * from {{ ref('int_survey_answers') }}
),

supported as (
    select
        month_start,
        {{ support_measures() }}
    from tickets
    group by month_start
),

surveyed as (
    select
        month_start,
        {{ rows_where("kind = 'nps'") }} as nps_responses_count,
        {{ rows_where("nps_group = 'promoter'") }} as promoters_count,
        {{ rows_where("nps_group = 'passive'") }} as passives_count,
        {{ rows_where("nps_group = 'detractor'") }} as detractors_count,
        {{ rows_where("kind = 'csat'") }} as csat_responses_count,
        sum(case when kind = 'csat' then score end) as csat_score_sum,
        {{ rows_where("kind = 'ticket_csat'") }} as ticket_csat_responses_count,
        sum(case when kind = 'ticket_csat' then score end) as ticket_csat_score_sum
    from answers
    group by month_start
),

months as (
    select month_start from supported
    union
    select month_start from surveyed
),

final as (
    select
        months.month_start,
        coalesce(supported.tickets_opened_count, 0) as tickets_count,
        coalesce(supported.tickets_resolved_count, 0) as resolved_count,
        coalesce(supported.tickets_escalated_count, 0) as escalated_count,
        coalesce(supported.open_tickets_count, 0) as open_tickets_count,
        coalesce(supported.open_tickets_age_days, 0) as open_tickets_age_days,
        coalesce(supported.responses_count, 0) as responses_count,
        coalesce(supported.response_hours, 0) as response_hours,
        supported.median_response_hours,
        supported.p90_response_hours,
        coalesce(supported.resolutions_count, 0) as resolutions_count,
        coalesce(supported.resolution_hours, 0) as resolution_hours,
        supported.median_resolution_hours,
        supported.p90_resolution_hours,
        coalesce(surveyed.nps_responses_count, 0) as nps_responses_count,
        coalesce(surveyed.promoters_count, 0) as promoters_count,
        coalesce(surveyed.passives_count, 0) as passives_count,
        coalesce(surveyed.detractors_count, 0) as detractors_count,
        {{ metric_of_columns('nps') }} as nps_score,
        coalesce(surveyed.csat_responses_count, 0) as csat_responses_count,
        coalesce(surveyed.csat_score_sum, 0) as csat_score_sum,
        {{ metric_of_columns('csat', {
            'csat_score_sum': 'surveyed.csat_score_sum', 'csat_responses_count': 'surveyed.csat_responses_count'
        }) }} as csat_score,
        coalesce(surveyed.ticket_csat_responses_count, 0) as ticket_csat_responses_count,
        coalesce(surveyed.ticket_csat_score_sum, 0) as ticket_csat_score_sum,
        {{ ratio('surveyed.ticket_csat_score_sum', 'surveyed.ticket_csat_responses_count') }} as ticket_csat_score
    from months
    left join supported on months.month_start = supported.month_start
    left join surveyed on months.month_start = surveyed.month_start
)

select * from final
