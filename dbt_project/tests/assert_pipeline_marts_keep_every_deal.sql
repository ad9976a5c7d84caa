-- No join on the way to the marts of the pipeline drops a deal or counts it twice.
{{ config(meta={'dagster': {'ref': {'name': 'fct_open_deals_monthly'}}}) }}
{% set counts = {
    'fct_deals': ('int_deals_enriched', 'count(*)'),
    'fct_deal_slippage': ('int_deals_enriched', 'count(*)'),
    'fct_open_deals_monthly': ('int_open_deals_as_of', 'count(*)'),
    'fct_pipeline_ageing': ('int_open_deals_as_of', 'sum(open_count)'),
    'fct_pipeline_forecasts': ('int_open_deals_as_of', 'sum(case when window_days is null then open_count end)')
} %}

with counted as (
    {% for mart, (deals, rows_count) in counts.items() -%}
    select
        '{{ mart }}' as table_name,
        (select count(*) from {{ ref(deals) }}) as expected_count,
        (select coalesce({{ rows_count }}, 0) from {{ ref(mart) }}) as rows_count
    {% if not loop.last %}union all
    {% endif %}
    {%- endfor %}
)

select * from counted
where expected_count <> rows_count
