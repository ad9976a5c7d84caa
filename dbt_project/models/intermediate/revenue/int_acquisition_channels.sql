{# The words in which leads are won and money is spent; any other channel of a touchpoint is a medium, not a source. #}
with leads as (
    select * from {{ ref('stg_raw__leads') }}
    where {{ is_newest() }}
),

spend as (
    select * from {{ ref('int_marketing_spend_converted') }}
    where {{ is_newest() }}
),

final as (
    select lead_source as channel from leads
    where lead_source is not null
    union
    select channel from spend
)

select * from final
