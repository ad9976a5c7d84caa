-- No join on the way to the marts of the pipeline drops a deal or counts it twice.
{{ config(meta={'dagster': {'ref': {'name': 'fct_open_deals_monthly'}}}) }}
with counted as (
    select
        'fct_deals' as table_name,
        (select count(*) from {{ ref('int_deals_enriched') }}) as expected_count,
        (select count(*) from {{ ref('fct_deals') }}) as rows_count
    union all
    select
        'fct_deal_slippage' as table_name,
        (select count(*) from {{ ref('int_deals_enriched') }}) as expected_count,
        (select count(*) from {{ ref('fct_deal_slippage') }}) as rows_count
    union all
    select
        'fct_open_deals_monthly' as table_name,
        (select count(*) from {{ ref('int_open_deals_as_of') }}) as expected_count,
        (select count(*) from {{ ref('fct_open_deals_monthly') }}) as rows_count
    union all
    select
        'fct_pipeline_ageing' as table_name,
        (select count(*) from {{ ref('int_open_deals_as_of') }}) as expected_count,
        (select coalesce(sum(open_count), 0) from {{ ref('fct_pipeline_ageing') }}) as rows_count
    union all
    select
        'fct_pipeline_forecasts' as table_name,
        (select count(*) from {{ ref('int_open_deals_as_of') }}) as expected_count,
        (select coalesce(sum(open_count), 0) from {{ ref('fct_pipeline_forecasts') }} where window_days is null)
            as rows_count
)

select * from counted
where expected_count <> rows_count
