{# The range of a partitioned run comes from the environment: it neither changes the project nor its other models.
   Ephemeral, because each run must see its own range: the marts every month, a feature run its partitions. #}
{{ config(materialized='ephemeral') }}

with observation as (
    select * from {{ ref('int_observation_window') }}
),

months as (
    select {{ explode_months('history_starts_on', 'last_as_of') }} as month_start
    from observation
),

month_ends as (
    select {{ month_end('month_start') }} as as_of
    from months
),

final as (
    select as_of
    from month_ends
    where as_of between
        cast('{{ env_var("LIFECYCLE_AS_OF_START", "1900-01-01") }}' as date)
        and cast('{{ env_var("LIFECYCLE_AS_OF_END", "2999-12-31") }}' as date)
)

select * from final
