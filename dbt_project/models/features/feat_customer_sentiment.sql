{{ config(unique_key='as_of', pre_hook="{{ clear_months('as_of') }}") }}

with customers as (
    select * from {{ ref('int_customer_as_of') }}
    where {{ is_in_run('as_of') }}
),

as_of_dates as (
    select * from {{ ref('int_as_of_dates') }}
),

survey_responses as (
    select * from {{ ref('stg_raw__survey_responses') }}
),

scales as (
    select * from {{ ref('survey_scales') }}
),

responses as (
    select
        survey_responses.*,
        survey_responses.score <= scales.detractor_score as is_detractor
    from survey_responses
    inner join scales
        on survey_responses.kind = scales.kind
        and survey_responses.score between scales.lowest_score and scales.highest_score
),

ranked as (
    select
        responses.account_id,
        as_of_dates.as_of,
        responses.kind,
        responses.score,
        responses.is_detractor,
        responses.responded_on,
        row_number() over (
            partition by responses.account_id, as_of_dates.as_of, responses.kind
            order by responses.responded_at desc, responses.response_id desc
        ) as age_rank
    from responses
    inner join as_of_dates
        on {{ within_days('responses.responded_on', 'as_of_dates.as_of', 730) }}
        and {{ known_as_of('responses', 'as_of_dates.as_of') }}
),

measured as (
    select
        account_id,
        as_of,
        max(case when kind = 'nps' and age_rank = 1 then score end) as nps_last,
        max(case when kind = 'nps' and age_rank = 1 and is_detractor then 1 else 0 end) = 1 as is_detractor,
        max(case when kind = 'nps' and age_rank = 2 then score end) as nps_previous,
        max(case when kind = 'nps' then responded_on end) as last_nps_on,
        avg(case
            when kind = 'nps' and {{ within_days('responded_on', 'as_of', 365) }} then cast(score as decimal(18, 4))
        end) as nps_365d,
        max(case when kind = 'csat' and age_rank = 1 then score end) as csat_last,
        {{ sum_within('1', 'responded_on', 'as_of', 365) }} as responses_365d
    from ranked
    group by account_id, as_of
),

final as (
    select
        customers.account_id,
        customers.as_of,
        measured.nps_last as nps_last_score,
        measured.nps_last - measured.nps_previous as nps_change_score,
        cast(measured.nps_365d as double) as nps_365d_score,
        cast({{ day_diff('measured.last_nps_on', 'customers.as_of') }} as double) as last_nps_days,
        coalesce(measured.is_detractor, false) as is_detractor,
        measured.csat_last as csat_last_score,
        coalesce(measured.responses_365d, 0) as responses_365d_count
    from customers
    left join measured
        on customers.account_id = measured.account_id and customers.as_of = measured.as_of
)

select * from final
