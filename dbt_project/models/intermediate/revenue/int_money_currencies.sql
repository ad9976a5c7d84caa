{# All versions of all rows, because features read those too. #}
{% set money = [
    ('deals', 'amount', 'created_on'), ('subscriptions', 'mrr', 'started_on'),
    ('transactions', 'amount', 'occurred_on'), ('marketing_spend', 'amount', 'month')
] %}

with{% for table, column, day in money %}
{{ table }} as (
    select
        '{{ table }}' as table_name,
        {{ rate_currency('currency') }} as currency,
        {{ month_start(day) }} as month_start,
        count(*) as rows_count
    from {{ ref('stg_raw__' ~ table) }}
    where {{ column }} is not null
    group by {{ rate_currency('currency') }}, {{ month_start(day) }}
),
{% endfor %}
final as (
    {% for table, column, day in money -%}
    select * from {{ table }}
    {% if not loop.last %}union all
    {% endif %}
    {%- endfor %}
)

select * from final
