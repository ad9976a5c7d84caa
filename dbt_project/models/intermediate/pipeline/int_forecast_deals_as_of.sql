{# Which open deals a month end predicts to close within a window: those expected by its last day, overdue ones too. #}
with open_deals as (
    select * from {{ ref('fct_open_deals_monthly') }}
),

windows as (
    select * from {{ ref('forecast_windows') }}
),

dated as (
    select
        open_deals.*,
        windows.window_name,
        windows.window_days,
        {{ add_days('open_deals.as_of', 'windows.window_days') }} as window_ends_on
    from open_deals
    cross join windows
),

final as (
    select
        deal_id,
        stage,
        forecast_category,
        window_name,
        window_days,
        amount,
        source_probability,
        weighted_amount,
        as_of,
        expected_close_on,
        window_ends_on
    from dated
    where window_days is null or expected_close_on <= window_ends_on
)

select * from final
