with deals as (
    select * from {{ ref('stg_raw__deals') }}
    where {{ is_newest() }}
),

subscriptions as (
    select * from {{ ref('stg_raw__subscriptions') }}
    where {{ is_newest() }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
),

final as (
    select {{ finding(
        'closed_deal_without_close_date', 'deals', 'deal_id', "concat('Deal is ', outcome, ' without a close date.')",
        'known_on'
    ) }}
    from deals
    where outcome <> 'open' and closed_at is null
    union all
    select {{ finding(
        'open_deal_with_close_date', 'deals', 'deal_id',
        "concat('Deal is open but was closed on ', cast(closed_on as varchar), '.')", 'known_on'
    ) }}
    from deals
    where outcome = 'open' and closed_at is not null
    union all
    select {{ finding(
        'deal_closed_before_created', 'deals', 'deal_id',
        "concat('Closed on ', cast(closed_on as varchar), ', created on ', cast(created_on as varchar), '.')", 'known_on'
    ) }}
    from deals
    where closed_on < created_on
    union all
    select {{ finding(
        'overdue_open_deal', 'deals', 'deal_id',
        "concat('Open, but expected to close on ', cast(expected_close_on as varchar), '.')",
        add_days('expected_close_on', 1)
    ) }}
    from deals
    cross join observation
    where outcome = 'open' and expected_close_on < data_until
    union all
    select {{ finding(
        'subscription_ends_before_start', 'subscriptions', 'subscription_id',
        "concat('Starts on ', cast(started_on as varchar), ', ends on ', cast(ended_on as varchar), '.')", 'known_on'
    ) }}
    from subscriptions
    where ended_on < started_on
)

select * from final
