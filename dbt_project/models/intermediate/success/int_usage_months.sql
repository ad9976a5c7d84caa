{# What each month of the account usage is computed from. A month whose month_version differs from the one it was built
   with is built again: rows came, changed, moved to another day, or a feature turned out to be older. #}
{% set definition = 1 %}{# raise it when the account usage means something else, so that every month is built again #}

with usage as (
    select * from {{ ref('stg_raw__product_usage') }}
    where {{ is_newest() }}
),

months as (
    select * from {{ ref('int_month_spine') }}
),

used_days as (
    select
        used_on,
        count(*) as rows_count,
        max(loaded_at) as last_loaded_at
    from usage
    group by used_on
),

features as (
    select
        feature,
        min(used_on) as first_used_on
    from usage
    where feature is not null
    group by feature
),

started as (
    select min(used_on) as first_used_on
    from used_days
),

windows as (
    select
        months.month_start,
        months.measured_on,
        months.is_complete,
        least(
            {{ add_days('months.month_start', -1) }},
            {{ add_days('months.measured_on', -2 * var('usage_window_days')) }}
        ) as reads_after
    from months
    cross join started
    where months.measured_on >= started.first_used_on
),

counted as (
    select
        windows.month_start,
        sum(used_days.rows_count) as rows_count,
        max(used_days.last_loaded_at) as last_loaded_at
    from windows
    inner join used_days
        on windows.reads_after < used_days.used_on and windows.measured_on >= used_days.used_on
    group by windows.month_start
),

seen as (
    select
        windows.month_start,
        count(*) as features_seen_count
    from windows
    inner join features on windows.measured_on >= features.first_used_on
    group by windows.month_start
),

final as (
    select
        windows.month_start,
        {{ hashed_key([
            definition, 'windows.measured_on', 'windows.reads_after', 'seen.features_seen_count', 'counted.rows_count',
            'counted.last_loaded_at'
        ]) }} as month_version,
        cast(coalesce(seen.features_seen_count, 0) as bigint) as features_seen_count,
        cast(coalesce(counted.rows_count, 0) as bigint) as rows_count,
        windows.is_complete,
        windows.measured_on,
        windows.reads_after
    from windows
    left join counted on windows.month_start = counted.month_start
    left join seen on windows.month_start = seen.month_start
)

select * from final
