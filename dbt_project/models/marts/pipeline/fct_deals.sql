with deals as (
    select * from {{ ref('int_deals_described') }}
),

stages as (
    select * from {{ ref('int_deal_stages') }}
    where left_on is null
),

stage_categories as (
    select * from {{ source('control', 'stage_categories') }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
),

final as (
    select
        deals.deal_id,
        deals.account_id,
        deals.lead_id,
        deals.owner_id,
        deals.name,
        deals.pipeline,
        deals.region,
        deals.segment,
        deals.lead_source,
        stages.stage as current_stage,
        case
            when deals.is_open then {{ forecast_category('stage_categories.category', 'stages.probability') }}
            when deals.is_won then 'closed'
            else 'omitted'
        end as forecast_category,
        deals.outcome,
        deals.lost_reason,
        deals.currency,
        deals.amount,
        deals.given_amount,
        stages.probability as source_probability,
        {{ day_diff('deals.created_on', 'coalesce(deals.closed_on, deals.data_until)') }} as age_days,
        deals.is_open,
        deals.is_won,
        deals.is_open and coalesce(deals.expected_close_on < deals.data_until, false) as is_overdue,
        deals.created_on,
        deals.expected_close_on,
        deals.closed_on
    from deals
    cross join observation
    left join stages on deals.deal_id = stages.deal_id
    left join stage_categories on lower(stages.stage) = stage_categories.stage
)

select * from final
