{# Every money column of every table in one shape, so that a rule about money is written once. #}
{% set columns = [
    ('deals', 'deal_id', 'amount'), ('subscriptions', 'subscription_id', 'mrr'),
    ('transactions', 'transaction_id', 'amount'), ('marketing_spend', 'spend_id', 'amount')
] %}

with final as (
    {% for table, key, column in columns -%}
    select
        source,
        '{{ table }}' as table_name,
        {{ key }} as row_key,
        '{{ column }}' as column_name,
        {{ column }} as amount,
        given_{{ column }} as given_amount,
        currency,
        known_on
    from {{ ref('int_' ~ table ~ '_converted') }}
    where {{ is_newest() }} and given_{{ column }} is not null
    {% if not loop.last %}union all
    {% endif %}
    {%- endfor %}
)

select * from final
