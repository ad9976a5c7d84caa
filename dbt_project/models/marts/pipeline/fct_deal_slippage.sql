with deals as (
    select * from {{ ref('int_deals_described') }}
),

versions as (
    select * from {{ ref('int_deal_versions') }}
    where expected_close_on is not null
),

expectations as (
    select
        *,
        max(case when is_open then 1 else 0 end) over (partition by deal_id) = 1 as has_open_version
    from versions
),

compared as (
    select
        deal_id,
        expected_close_on,
        row_number() over (partition by deal_id order by known_at) as version_number,
        row_number() over (partition by deal_id order by known_at desc) as newest_number,
        {{ day_diff('lag(expected_close_on) over (partition by deal_id order by known_at)', 'expected_close_on') }}
            as moved_days
    from expectations
    where is_open or not has_open_version
),

moves as (
    select
        deal_id,
        max(case when version_number = 1 then expected_close_on end) as first_expected_close_on,
        max(case when newest_number = 1 then expected_close_on end) as last_expected_close_on,
        sum(case when moved_days > 0 then 1 else 0 end) as pushes_count,
        sum(case when moved_days < 0 then 1 else 0 end) as pulls_count,
        sum(case when moved_days > 0 then moved_days else 0 end) as pushed_days,
        sum(case when moved_days < 0 then -moved_days else 0 end) as pulled_days
    from compared
    group by deal_id
),

final as (
    select
        deals.deal_id,
        deals.account_id,
        deals.owner_id,
        deals.outcome,
        deals.pipeline,
        deals.region,
        deals.segment,
        deals.lead_source,
        deals.amount,
        cast(coalesce(moves.pushes_count, 0) as bigint) as pushes_count,
        cast(coalesce(moves.pulls_count, 0) as bigint) as pulls_count,
        moves.deal_id is not null as has_expectation,
        coalesce(moves.last_expected_close_on > moves.first_expected_close_on, false) as is_slipped,
        deals.created_on,
        moves.first_expected_close_on,
        moves.last_expected_close_on,
        deals.closed_on,
        cast(coalesce(moves.pushed_days, 0) as integer) as pushed_days,
        cast(coalesce(moves.pulled_days, 0) as integer) as pulled_days,
        {{ day_diff('moves.first_expected_close_on', 'moves.last_expected_close_on') }} as slippage_days,
        {{ day_diff('moves.first_expected_close_on', 'deals.closed_on') }} as closed_late_days
    from deals
    left join moves on deals.deal_id = moves.deal_id
)

select * from final
