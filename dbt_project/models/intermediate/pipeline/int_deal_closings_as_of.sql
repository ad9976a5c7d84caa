{# Deals closed in the months before a month end, as far as it was known then. #}
with months as (
    select * from {{ ref('int_month_spine') }}
    where is_complete
),

closings as (
    select * from {{ ref('int_deal_versions') }}
    where not is_open
),

final as (
    select
        closings.deal_id,
        closings.amount,
        {{ day_diff('closings.created_on', 'closings.closed_on') }} as cycle_days,
        closings.is_won,
        months.month_end as as_of,
        closings.counted_closed_on as closed_on
    from months
    inner join closings
        on months.month_end >= closings.counted_closed_on
        and {{ add_months('months.month_start', '1 - ' ~ var('trailing_months')) }} <= closings.counted_closed_on
        and {{ known_as_of('closings', 'months.month_end') }}
)

select * from final
