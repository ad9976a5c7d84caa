{# The satisfaction given after a ticket becomes known when the ticket is resolved. Two answers of one instant: the
   smaller key is the newer one, as in int_account_surveys. #}
with responses as (
    select * from {{ ref('stg_raw__survey_responses') }}
    where {{ is_newest() }}
),

tickets as (
    select * from {{ ref('stg_raw__support_tickets') }}
    where {{ is_newest() }} and csat is not null and resolved_at is not null
),

scales as (
    select * from {{ ref('survey_scales') }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
),

given as (
    select response_id as answer_id, account_id, kind, score, responded_at as answered_at, responded_on as answered_on
    from responses
    union all
    select ticket_id, account_id, 'ticket_csat', csat, resolved_at, resolved_on
    from tickets
),

final as (
    select
        given.answer_id,
        given.account_id,
        given.kind,
        {{ month_start('given.answered_on') }} as month_start,
        case
            when scales.promoter_score is null then null
            when given.score >= scales.promoter_score then 'promoter'
            when given.score <= scales.detractor_score then 'detractor'
            else 'passive'
        end as nps_group,
        given.score,
        {{ ratio('(given.score - scales.lowest_score)', '(scales.highest_score - scales.lowest_score)') }}
            as score_ratio,
        row_number() over (
            partition by given.account_id, given.kind order by given.answered_at asc, given.answer_id desc
        ) as answer_number,
        given.answered_at,
        given.answered_on
    from given
    cross join observation
    inner join scales
        on given.kind = scales.kind
        and given.score between scales.lowest_score and scales.highest_score
    where given.answered_on <= observation.data_until
)

select * from final
