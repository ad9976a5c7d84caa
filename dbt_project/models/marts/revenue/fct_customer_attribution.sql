{# Position: 40 % each to the first and the last touch, the rest shared by those between; one touch has it all. #}
with touches as (
    select * from {{ ref('int_customer_touches') }}
),

customers as (
    select * from {{ ref('int_new_customers') }}
),

credited as (
    select
        account_id,
        channel,
        case when touch_number = 1 then 1.0 else 0.0 end as first_touch_credit,
        case when touch_number = touches_count then 1.0 else 0.0 end as last_touch_credit,
        case
            when touches_count <= 2 then 1.0 / touches_count
            when touch_number in (1, touches_count) then 0.4
            else 0.2 / (touches_count - 2)
        end as position_credit,
        case when kind = 'touchpoint' then 1 else 0 end as is_touchpoint
    from touches
),

summed as (
    select
        account_id,
        channel,
        sum(first_touch_credit) as first_touch_credit,
        sum(last_touch_credit) as last_touch_credit,
        sum(position_credit) as position_credit,
        sum(is_touchpoint) as touchpoints_count
    from credited
    group by account_id, channel
),

final as (
    select
        summed.account_id,
        summed.channel,
        customers.region,
        customers.segment,
        cast(summed.touchpoints_count as bigint) as touchpoints_count,
        cast(summed.first_touch_credit as double) as first_touch_credit,
        cast(summed.last_touch_credit as double) as last_touch_credit,
        cast(summed.position_credit as double) as position_credit,
        customers.customer_on,
        customers.month_start
    from summed
    inner join customers on summed.account_id = customers.account_id
)

select * from final
