with happenings as (
    select * from {{ ref('int_sales_happenings') }}
    union all
    select * from {{ ref('int_contract_happenings') }}
    union all
    select * from {{ ref('int_customer_happenings') }}
),

lead_accounts as (
    select * from {{ ref('int_lead_accounts') }}
),

kinds as (
    select * from {{ ref('journey_kinds') }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
),

placed as (
    select
        happenings.*,
        kinds.kind_order,
        coalesce(happenings.account_id, lead_accounts.account_id) as known_account_id,
        case
            when coalesce(happenings.account_id, lead_accounts.account_id) is null then happenings.lead_id
        end as lone_lead_id
    from happenings
    inner join kinds on happenings.kind = kinds.kind
    cross join observation
    left join lead_accounts on happenings.lead_id = lead_accounts.lead_id
    where happenings.happened_on <= observation.data_until
),

told as (
    select
        *,
        {%- set story = 'partition by known_account_id, lone_lead_id' %}
        {%- set told_in_order = 'over (' ~ story ~ ' order by happened_on, kind_order, row_key)' %}
        row_number() {{ told_in_order }} as sequence_number,
        lag(happened_on) {{ told_in_order }} as happened_before_on
    from placed
),

final as (
    select
        {{ hashed_key(['table_name', 'row_key', 'kind', 'detail']) }} as journey_id,
        known_account_id as account_id,
        lead_id,
        kind,
        detail,
        table_name,
        row_key,
        cast(sequence_number as integer) as sequence_number,
        amount,
        score,
        {{ day_diff('happened_before_on', 'happened_on') }} as days_since_previous,
        happened_on
    from told
)

select * from final
