with tickets as (
    select * from {{ ref('stg_raw__support_tickets') }}
    where {{ is_newest() }}
),

responses as (
    select * from {{ ref('stg_raw__survey_responses') }}
    where {{ is_newest() }} and kind = 'nps'
),

scales as (
    select * from {{ ref('survey_scales') }}
),

supported as (
    select
        {{ month_start('opened_on') }} as month_start,
        count(*) as tickets_count,
        sum(case when escalated then 1 else 0 end) as escalated_count,
        percentile_cont(0.5) within group (order by {{ duration_hours('opened_at', 'first_response_at') }})
            as median_response_hours,
        percentile_cont(0.5) within group (order by {{ duration_hours('opened_at', 'resolved_at') }})
            as median_resolution_hours
    from tickets
    group by {{ month_start('opened_on') }}
),

surveyed as (
    select
        {{ month_start('responses.responded_on') }} as month_start,
        count(*) as nps_responses_count,
        sum(case when responses.score >= scales.promoter_score then 1 else 0 end) as promoters_count,
        sum(case when responses.score <= scales.detractor_score then 1 else 0 end) as detractors_count
    from responses
    inner join scales
        on responses.kind = scales.kind
        and responses.score between scales.lowest_score and scales.highest_score
    group by {{ month_start('responses.responded_on') }}
),

months as (
    select month_start from supported
    union
    select month_start from surveyed
),

final as (
    select
        months.month_start,
        coalesce(supported.tickets_count, 0) as tickets_count,
        cast(coalesce(supported.escalated_count, 0) as bigint) as escalated_count,
        supported.median_response_hours,
        supported.median_resolution_hours,
        coalesce(surveyed.nps_responses_count, 0) as nps_responses_count,
        100 * cast(surveyed.promoters_count - surveyed.detractors_count as double)
        / nullif(surveyed.nps_responses_count, 0) as nps_score
    from months
    left join supported on months.month_start = supported.month_start
    left join surveyed on months.month_start = surveyed.month_start
)

select * from final
