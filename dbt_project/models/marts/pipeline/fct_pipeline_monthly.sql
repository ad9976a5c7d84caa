with months as (
    select * from {{ ref('int_month_spine') }}
    where is_complete
),

deals as (
    select * from {{ ref('int_deals_described') }}
    where is_dated
),

stages as (
    select * from {{ ref('int_deal_stages') }}
),

versions as (
    select * from {{ ref('int_deal_versions') }}
),

open_deals as (
    select
        months.month_end as as_of,
        deals.*
    from months
    inner join deals
        on months.month_end >= deals.created_on
        and months.month_end < coalesce(deals.closed_on, {{ no_end() }})
),

staged as (
    select
        open_deals.*,
        coalesce(stages.stage, 'unknown') as stage,
        stages.probability,
        versions.expected_close_on as then_expected_close_on
    from open_deals
    left join stages
        on open_deals.deal_id = stages.deal_id
        and open_deals.as_of >= stages.entered_on
        and open_deals.as_of < coalesce(stages.left_on, {{ no_end() }})
    left join versions
        on open_deals.deal_id = versions.deal_id
        and {{ known_as_of('versions', 'open_deals.as_of') }}
),

final as (
    select
        as_of,
        stage,
        count(*) as open_count,
        cast(coalesce(sum(amount), 0) as decimal(18, 2)) as open_amount,
        cast(coalesce(sum(amount * probability), 0) as double) as weighted_amount,
        cast(sum(case when then_expected_close_on < as_of then 1 else 0 end) as bigint) as overdue_count,
        cast(sum({{ day_diff('created_on', 'as_of') }}) as bigint) as age_days_sum,
        cast(avg({{ day_diff('created_on', 'as_of') }}) as double) as mean_age_days
    from staged
    group by as_of, stage
)

select * from final
