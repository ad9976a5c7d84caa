{% set attributions = ['first_touch', 'last_touch', 'position'] %}

with observation as (
    select * from {{ ref('int_observation_window') }}
),

spend as (
    select * from {{ ref('int_marketing_spend_converted') }}
    where {{ is_newest() }}
),

attribution as (
    select * from {{ ref('fct_customer_attribution') }}
),

values_by_month as (
    select * from {{ ref('int_customer_value_by_month') }}
),

sides as (
    select
        {{ month_start('spend.month') }} as month_start,
        spend.channel,
        spend.amount as spend_amount,
        0 as first_touch_credit,
        0 as last_touch_credit,
        0 as position_credit
    from spend
    cross join observation
    where spend.month <= observation.data_until
    union all
    select month_start, channel, 0 as spend_amount, first_touch_credit, last_touch_credit, position_credit
    from attribution
),

acquired as (
    select
        month_start,
        channel,
        {% for attribution in attributions -%}
        cast(sum({{ attribution }}_credit) as double) as {{ attribution }}_customers_count,
        {% endfor -%}
        cast(sum(spend_amount) as decimal(18, 2)) as spend_amount
    from sides
    group by month_start, channel
),

costed as (
    select
        {% for attribution in attributions -%}
        {{ metric_of_columns(attribution ~ '_cac') }} as {{ attribution }}_cac_amount,
        {% endfor -%}
        acquired.*
    from acquired
),

final as (
    select
        costed.month_start,
        costed.channel,
        costed.spend_amount,
        {% for attribution in attributions -%}
        costed.{{ attribution }}_customers_count,
        {% endfor -%}
        {% for attribution in attributions -%}
        costed.{{ attribution }}_cac_amount,
        {% endfor -%}
        values_by_month.arpa_amount,
        values_by_month.ltv_amount,
        {{ ratio('costed.position_cac_amount', 'values_by_month.monthly_margin_amount') }} as payback_months,
        {{ ratio('values_by_month.ltv_amount', 'costed.position_cac_amount') }} as ltv_cac_ratio,
        coalesce(values_by_month.is_complete, false) as is_complete
    from costed
    left join values_by_month on costed.month_start = values_by_month.month_start
)

select * from final
