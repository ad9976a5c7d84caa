{% set dimensions = {
    'all': "'all'", 'pipeline': 'pipeline', 'owner': 'owner_id', 'segment': 'segment', 'region': 'region',
    'lead_source': 'lead_source'
} %}
{% set figures = [
    'closed_count', 'won_count', 'closed_amount', 'won_amount', 'closed_cycle_days', 'won_cycle_days'
] %}

with months as (
    select * from {{ ref('int_month_spine') }}
),

closed_deals as (
    select * from {{ ref('int_deals_described') }}
    where closed_on is not null
),

by_dimension as (
    {% for name, value in dimensions.items() -%}
    select
        '{{ name }}' as dimension_name,
        coalesce({{ value }}, 'unknown') as dimension_value,
        {{ month_start('closed_on') }} as closed_month,
        count(*) as closed_count,
        sum(case when is_won then 1 else 0 end) as won_count,
        sum(coalesce(amount, 0)) as closed_amount,
        sum(case when is_won then coalesce(amount, 0) else 0 end) as won_amount,
        sum({{ day_diff('created_on', 'closed_on') }}) as closed_cycle_days,
        sum(case when is_won then {{ day_diff('created_on', 'closed_on') }} else 0 end) as won_cycle_days
    from closed_deals
    group by coalesce({{ value }}, 'unknown'), {{ month_start('closed_on') }}
    {% if not loop.last %}union all
    {% endif %}
    {%- endfor %}
),

summed_up as (
    select
        {% for figure in figures -%}
        sum(case when by_dimension.closed_month = months.month_start then by_dimension.{{ figure }} else 0 end)
            as {{ figure }},
        sum(by_dimension.{{ figure }}) as trailing_{{ figure }},
        {% endfor -%}
        by_dimension.dimension_name,
        by_dimension.dimension_value,
        months.month_start,
        months.is_complete
    from months
    inner join by_dimension
        on months.month_start >= by_dimension.closed_month
        and {{ add_months('months.month_start', '1 - ' ~ var('trailing_months')) }} <= by_dimension.closed_month
    group by by_dimension.dimension_name, by_dimension.dimension_value, months.month_start, months.is_complete
),

final as (
    select
        dimension_name,
        dimension_value,
        month_start,
        {% for prefix in ['', 'trailing_'] -%}
        cast({{ prefix }}closed_count as bigint) as {{ prefix }}closed_count,
        cast({{ prefix }}won_count as bigint) as {{ prefix }}won_count,
        cast({{ prefix }}closed_count - {{ prefix }}won_count as bigint) as {{ prefix }}lost_count,
        cast({{ prefix }}won_amount as decimal(18, 2)) as {{ prefix }}won_amount,
        cast({{ prefix }}closed_amount - {{ prefix }}won_amount as decimal(18, 2)) as {{ prefix }}lost_amount,
        {{ metric_of_columns('win_rate', {
            'won_count': prefix ~ 'won_count', 'closed_count': prefix ~ 'closed_count'
        }) }}
            as {{ prefix }}win_rate,
        {{ wilson_lower(prefix ~ 'won_count', prefix ~ 'closed_count') }} as {{ prefix }}win_rate_lower,
        {{ wilson_upper(prefix ~ 'won_count', prefix ~ 'closed_count') }} as {{ prefix }}win_rate_upper,
        {% endfor -%}
        is_complete,
        cast(closed_cycle_days as bigint) as closed_cycle_days,
        cast(won_cycle_days as bigint) as won_cycle_days,
        cast(trailing_closed_cycle_days as bigint) as trailing_closed_cycle_days,
        cast(trailing_won_cycle_days as bigint) as trailing_won_cycle_days
    from summed_up
)

select * from final
