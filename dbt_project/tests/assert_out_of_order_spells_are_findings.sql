-- The stays marked as out of order belong to the leads that the finding names, but for days after the end of the data.
{{ config(meta={'dagster': {'ref': {'name': 'fct_lead_stage_spells'}}}) }}
with marked as (
    select distinct lead_id from {{ ref('fct_lead_stage_spells') }}
    where is_out_of_order
),

found as (
    select row_key as lead_id from {{ ref('int_findings_stages') }}
    where rule = 'stages_out_of_order'
),

planned as (
    select distinct entries.lead_id
    from {{ ref('int_lead_stage_entries') }} as entries
    cross join {{ ref('int_observation_window') }} as observation
    where entries.entered_on > observation.data_until
)

select
    marked.lead_id,
    found.lead_id as found_lead_id
from marked
full join found on marked.lead_id = found.lead_id
left join planned on found.lead_id = planned.lead_id
where (marked.lead_id is null or found.lead_id is null) and planned.lead_id is null
