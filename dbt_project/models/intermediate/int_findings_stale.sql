{# Leads that do not move. #}
with lifecycles as (
    select * from {{ ref('fct_lead_lifecycle') }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
),

final as (
    select {{ finding(
        'stale_mql', 'leads', 'lead_id',
        "concat('Marketing-qualified since ', cast(mql_on as varchar), ' without progress.')",
        add_days('mql_on', 'stale_mql_days')
    ) }}
    from lifecycles
    cross join observation
    where current_stage = 'mql' and {{ add_days('mql_on', 'stale_mql_days') }} < data_until
    union all
    select {{ finding(
        'stale_sql', 'leads', 'lead_id',
        "concat('Sales-qualified since ', cast(sql_on as varchar), ' without progress.')",
        add_days('sql_on', 'stale_sql_days')
    ) }}
    from lifecycles
    cross join observation
    where current_stage = 'sql' and {{ add_days('sql_on', 'stale_sql_days') }} < data_until
)

select * from final
