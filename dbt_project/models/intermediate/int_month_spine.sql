with observation as (
    select * from {{ ref('int_observation_window') }}
),

months as (
    select
        {{ explode_months('first_event_on', 'data_until') }} as month_start,
        data_until
    from observation
),

final as (
    select
        month_start,
        {{ month_end('month_start') }} as month_end,
        least({{ month_end('month_start') }}, data_until) as measured_on,
        {{ month_end('month_start') }} <= data_until as is_complete
    from months
)

select * from final
