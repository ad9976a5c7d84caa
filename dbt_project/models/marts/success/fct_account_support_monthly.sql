with tickets as (
    select * from {{ ref('int_tickets_by_month') }}
),

final as (
    select
        account_id,
        month_start,
        {{ support_measures() }},
        is_complete,
        measured_on
    from tickets
    group by account_id, month_start, is_complete, measured_on
)

select * from final
