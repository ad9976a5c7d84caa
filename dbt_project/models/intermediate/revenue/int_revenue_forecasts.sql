{# The ledger is written after the warehouse, by the run before; on the first run it is not there yet. #}
with forecasts as (
    {{ ledger_rows('predictions', 'revenue', {
        'origin': 'date', 'month': 'date', 'region': 'varchar', 'segment': 'varchar', 'view': 'varchar',
        'value': 'double', 'lower_80': 'double', 'upper_80': 'double', 'lower_95': 'double', 'upper_95': 'double',
        'model_version': 'varchar', 'made_at': 'timestamp'
    }) }}
),

trainings as (
    {{ ledger_rows('models', 'trainings', {
        'model': 'varchar', 'champion_version': 'varchar', 'last_as_of': 'date'
    }) }}
),

versions as (
    select
        champion_version,
        min(last_as_of) as trained_until
    from trainings
    where model = 'revenue'
    group by champion_version
),

foresighted as (
    select forecasts.*
    from forecasts
    inner join versions on forecasts.model_version = versions.champion_version
    where forecasts.origin >= versions.trained_until
),

ranked as (
    select
        foresighted.*,
        row_number() over (
            partition by origin, month, region, segment
            order by case view when 'combined' then 0 when 'top_down' then 1 else 2 end, made_at, model_version
        ) as statement_rank
    from foresighted
),

final as (
    select
        origin,
        month as month_start,
        region,
        segment,
        view as forecast_view,
        value as forecast_amount,
        lower_80,
        upper_80,
        lower_95,
        upper_95,
        made_at
    from ranked
    where statement_rank = 1
)

select * from final
