with months as (
    select * from {{ ref('int_month_spine') }}
),

final as (
    select {{ explode_days('month_start', 'month_end') }} as day
    from months
)

select * from final
