{# What is not known about a lead; where the source never says it, that is one finding, not one per lead. #}
with leads as (
    select * from {{ ref('stg_raw__leads') }}
    where {{ is_newest() }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
),

counted as (
    select
        leads.*,
        case when job_title is null and seniority is null then 1 else 0 end
        + case when lead_source is null then 1 else 0 end
        + case when country is null and region is null then 1 else 0 end
        + case when industry is null then 1 else 0 end
        + case when company_size is null then 1 else 0 end as missing_count,
        count(consent) over () > 0 as has_consents
    from leads
),

judged as (
    select
        counted.*,
        observation.incomplete_profile_min_missing,
        min(counted.missing_count) over () >= observation.incomplete_profile_min_missing as are_all_incomplete
    from counted
    cross join observation
),

final as (
    select {{ finding('consent_missing', 'leads', 'lead_id', "'Nothing says whether the person may be contacted.'",
        'known_on') }}
    from judged
    where consent is null and has_consents
    union all
    select {{ finding('consent_missing', 'leads', "'(all)'", "'The source does not say who may be contacted.'",
        'min(known_on)', 'count(*)', 'min(source)') }}
    from judged
    where not has_consents
    having count(*) > 0
    union all
    select {{ finding('incomplete_profile', 'leads', 'lead_id',
        "concat(cast(missing_count as varchar), ' of 5 facts about the person and the company are missing.')",
        'known_on') }}
    from judged
    where missing_count >= incomplete_profile_min_missing and not are_all_incomplete
    union all
    select {{ finding('incomplete_profile', 'leads', "'(all)'",
        "'The source says little about any person or company.'", 'min(known_on)', 'count(*)', 'min(source)') }}
    from judged
    where are_all_incomplete
    having count(*) > 0
)

select * from final
