{# One select per signal; a signal that is not known has no row. The seed says which part a signal belongs to and where
   its scale begins and ends. #}
{% set signals = {
    'int_health_usage': ['active_days_28d_count', 'usage_28d_trend_ratio', 'features_28d_ratio'],
    'int_health_support': ['tickets_90d_count', 'escalated_90d_count', 'oldest_open_ticket_days', 'response_90d_hours'],
    'int_health_sentiment': ['nps_ratio', 'csat_ratio', 'ticket_csat_ratio'],
    'int_health_contracts': ['payment_days', 'mrr_trend_ratio', 'renewal_due_days'],
    'int_health_purchases': ['purchase_recency_ratio', 'purchases_365d_count']
} %}

with scales as (
    select * from {{ ref('health_signals') }}
),

signals as (
    {% for model, names in signals.items() -%}
    {% set outer = loop -%}
    {% for name in names -%}
    select account_id, month_start, '{{ name }}' as signal, {{ name }} as value from {{ ref(model) }}
    {% if not (loop.last and outer.last) %}union all
    {% endif -%}
    {% endfor -%}
    {% endfor -%}
),

final as (
    select
        signals.account_id,
        signals.month_start,
        scales.component,
        signals.signal,
        signals.value,
        {{ health_points('signals.value', 'scales.worst_value', 'scales.best_value') }} as points
    from signals
    inner join scales on signals.signal = scales.signal
    where signals.value is not null
)

select * from final
