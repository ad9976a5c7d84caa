{# Leads that do not move. #}
with lifecycles as (
    select * from {{ ref('fct_lead_lifecycle') }}
),

leads as (
    select * from {{ ref('stg_raw__leads') }}
    where {{ is_newest() }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
),

final as (
    select {{ finding(
        'stale_mql', 'leads', 'lifecycles.lead_id',
        "concat('Marketing-qualified since ', cast(lifecycles.mql_on as varchar), ' without progress.')",
        add_days('lifecycles.mql_on', 'observation.stale_mql_days'), source='leads.source'
    ) }}
    from lifecycles
    inner join leads on lifecycles.lead_id = leads.lead_id
    cross join observation
    where
        lifecycles.current_stage = 'mql'
        and {{ add_days('lifecycles.mql_on', 'observation.stale_mql_days') }} < observation.data_until
    union all
    select {{ finding(
        'stale_sql', 'leads', 'lifecycles.lead_id',
        "concat('Sales-qualified since ', cast(lifecycles.sql_on as varchar), ' without progress.')",
        add_days('lifecycles.sql_on', 'observation.stale_sql_days'), source='leads.source'
    ) }}
    from lifecycles
    inner join leads on lifecycles.lead_id = leads.lead_id
    cross join observation
    where
        lifecycles.current_stage = 'sql'
        and {{ add_days('lifecycles.sql_on', 'observation.stale_sql_days') }} < observation.data_until
)

select * from final
