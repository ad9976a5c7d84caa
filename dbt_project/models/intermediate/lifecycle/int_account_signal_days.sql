{# The signals of a day in one row, for accounts that are known and up to the end of the data. #}
with prospect_signals as (
    select * from {{ ref('int_prospect_signals') }}
),

customer_signals as (
    select * from {{ ref('int_customer_signals') }}
),

accounts as (
    select * from {{ ref('int_accounts_known') }}
),

stages as (
    select * from {{ ref('lifecycle_stages') }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
),

signals as (
    select * from prospect_signals
    union all
    select * from customer_signals
),

final as (
    select
        signals.account_id,
        signals.happened_on,
        max(case when signals.stage <> 'churned' then stages.stage_order end) as stage_order,
        max(case when signals.stage = 'churned' then 1 else 0 end) as lead_churns,
        max(case when signals.signal = 'customer' then 1 else 0 end) as first_customers,
        sum(case when signals.signal = 'deals' then signals.amount else 0 end) as deals_change,
        sum(case when signals.signal = 'spell_start' then 1 else 0 end) as spells_started,
        sum(case when signals.signal = 'spell_end' then 1 else 0 end) as spells_ended,
        sum(case when signals.signal = 'mrr' then signals.amount else 0 end) as mrr_change
    from signals
    inner join accounts on signals.account_id = accounts.account_id
    left join stages on signals.stage = stages.stage
    cross join observation
    where signals.happened_on <= observation.data_until
    group by signals.account_id, signals.happened_on
)

select * from final
