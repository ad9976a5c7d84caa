{# The order in which deals pass their stages: by the source's probabilities where every stage has one, else by how
   early deals enter them. #}
with entries as (
    select
        *,
        row_number() over (partition by deal_id order by entered_at, event_id) as entry_number
    from {{ ref('int_deal_stages') }}
),

measured as (
    select
        stage,
        median(probability) as median_probability,
        cast(sum(entry_number) as double) / count(*) as mean_entry_number
    from entries
    group by stage
),

compared as (
    select
        *,
        count(median_probability) over () = count(*) over () as has_probabilities
    from measured
),

final as (
    select
        stage,
        row_number() over (
            order by
                case when has_probabilities then median_probability else mean_entry_number end,
                mean_entry_number,
                stage
        ) as stage_order
    from compared
)

select * from final
