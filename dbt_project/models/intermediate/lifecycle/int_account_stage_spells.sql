{# A stage lasts until the account enters another one. #}
with stage_days as (
    select * from {{ ref('int_account_stage_days') }}
),

stages as (
    select * from {{ ref('lifecycle_stages') }}
),

compared as (
    select
        stage_days.*,
        lag(stage) over (partition by account_id order by happened_on) as stage_before
    from stage_days
),

starts as (
    select * from compared
    where stage_before is null or stage_before <> stage
),

final as (
    select
        starts.account_id,
        starts.stage,
        stages.stage_order,
        row_number() over (partition by starts.account_id, starts.stage order by starts.happened_on) as spell_number,
        row_number() over (partition by starts.account_id order by starts.happened_on) as sequence_number,
        starts.customer_spell_number,
        starts.happened_on as entered_on,
        lead(starts.happened_on) over (partition by starts.account_id order by starts.happened_on) as exited_on
    from starts
    inner join stages on starts.stage = stages.stage
)

select * from final
