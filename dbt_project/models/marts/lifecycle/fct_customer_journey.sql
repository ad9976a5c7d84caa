with happenings as (
    select * from {{ ref('int_sales_happenings') }}
    union all
    select * from {{ ref('int_customer_happenings') }}
),

lead_accounts as (
    select * from {{ ref('int_lead_accounts') }}
),

final as (
    select
        {{ hashed_key(['happenings.table_name', 'happenings.row_key', 'happenings.kind', 'happenings.detail']) }}
            as journey_id,
        coalesce(happenings.account_id, lead_accounts.account_id) as account_id,
        happenings.lead_id,
        happenings.kind,
        happenings.detail,
        happenings.amount,
        happenings.table_name,
        happenings.row_key,
        happenings.happened_on
    from happenings
    left join lead_accounts on happenings.lead_id = lead_accounts.lead_id
    where happenings.happened_on is not null
)

select * from final
