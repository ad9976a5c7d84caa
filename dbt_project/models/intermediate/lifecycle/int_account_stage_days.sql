{# The stage of an account after each day on which it could change, by the rule of int_account_stages. #}
with signal_days as (
    select * from {{ ref('int_account_signal_days') }}
),

milestones as (
    select * from {{ ref('int_spell_milestones') }}
),

starting as (
    select * from {{ ref('int_spell_starting_mrr') }}
),

stages as (
    select * from {{ ref('lifecycle_stages') }}
),

running as (
    select
        account_id,
        happened_on,
        {%- set rows_so_far = 'rows between unbounded preceding and current row' %}
        {%- set so_far = 'over (partition by account_id order by happened_on ' ~ rows_so_far ~ ')' %}
        max(stage_order) {{ so_far }} as furthest_stage_order,
        max(lead_churns) {{ so_far }} = 1 as has_lead_churned,
        max(first_customers) {{ so_far }} = 1 as is_known_customer,
        sum(deals_change) {{ so_far }} as open_deals_count,
        sum(spells_started) {{ so_far }} as customer_spell_number,
        sum(spells_started - spells_ended) {{ so_far }} > 0 as is_in_spell,
        sum(mrr_change) {{ so_far }} as mrr
    from signal_days
),

final as (
    select
        running.account_id,
        running.happened_on,
        case
            when running.is_in_spell and running.happened_on > starting.measured_on
                and running.mrr > starting.starting_mrr then 'expanded'
            when running.is_in_spell and running.happened_on >= milestones.retained_on then 'retained'
            when running.is_in_spell then 'customer'
            when running.customer_spell_number > 0 then 'churned'
            when running.has_lead_churned then 'churned'
            when running.is_known_customer then 'customer'
            when running.open_deals_count > 0 then 'opportunity'
            else coalesce(stages.stage, 'lead')
        end as stage,
        nullif(running.customer_spell_number, 0) as customer_spell_number
    from running
    left join milestones
        on running.account_id = milestones.account_id
        and running.customer_spell_number = milestones.spell_number
    left join starting
        on running.account_id = starting.account_id
        and running.customer_spell_number = starting.spell_number
    left join stages on running.furthest_stage_order = stages.stage_order
)

select * from final
