with open_deals as (
    select * from {{ ref('int_open_deals_as_of') }}
),

deals as (
    select * from {{ ref('int_deals_described') }}
),

records as (
    select * from {{ ref('int_deal_records_as_of') }}
    where stage is null
),

age_buckets as (
    select * from {{ ref('deal_age_buckets') }}
),

stage_categories as (
    select * from {{ source('control', 'stage_categories') }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
),

aged as (
    select
        open_deals.*,
        {{ day_diff('open_deals.created_on', 'open_deals.as_of') }} as age_days,
        records.median_cycle_days as usual_cycle_days,
        {{ ratio(day_diff('open_deals.created_on', 'open_deals.as_of'), 'records.median_cycle_days') }}
            as age_cycle_ratio
    from open_deals
    left join records on open_deals.as_of = records.as_of
),

final as (
    select
        aged.deal_id,
        aged.as_of,
        deals.account_id,
        aged.owner_id,
        aged.stage,
        {{ forecast_category('stage_categories.category', 'aged.source_probability') }} as forecast_category,
        coalesce(age_buckets.age_bucket, 'unknown') as age_bucket,
        aged.pipeline,
        coalesce(deals.region, 'unknown') as region,
        coalesce(deals.segment, 'unknown') as segment,
        coalesce(deals.lead_source, 'unknown') as lead_source,
        aged.amount,
        aged.source_probability,
        cast(aged.amount as double) * aged.source_probability as weighted_amount,
        aged.age_cycle_ratio,
        coalesce(aged.expected_close_on < aged.as_of, false) as is_overdue,
        aged.created_on,
        aged.expected_close_on,
        aged.age_days,
        {{ day_diff('aged.stage_entered_on', 'aged.as_of') }} as stage_days,
        aged.usual_cycle_days
    from aged
    cross join observation
    left join deals on aged.deal_id = deals.deal_id
    left join stage_categories on lower(aged.stage) = stage_categories.stage
    left join age_buckets
        on aged.age_cycle_ratio >= age_buckets.min_ratio
        and aged.age_cycle_ratio < coalesce(age_buckets.max_ratio, aged.age_cycle_ratio + 1)
)

select * from final
