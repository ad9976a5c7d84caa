with open_deals as (
    select * from {{ ref('fct_open_deals_monthly') }}
),

final as (
    select
        as_of,
        stage,
        age_bucket,
        count(*) as open_count,
        cast(coalesce(sum(amount), 0) as decimal(18, 2)) as open_amount,
        cast(sum(case when is_overdue then 1 else 0 end) as bigint) as overdue_count,
        cast(coalesce(sum(case when is_overdue then amount end), 0) as decimal(18, 2)) as overdue_amount,
        cast(sum(age_days) as bigint) as age_days_sum,
        cast(sum(stage_days) as bigint) as stage_days_sum
    from open_deals
    group by as_of, stage, age_bucket
)

select * from final
