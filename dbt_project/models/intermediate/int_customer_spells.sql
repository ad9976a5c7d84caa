{# A company is either contractual or transactional, so one of the two is empty. #}
with contract_spells as (
    select * from {{ ref('int_contract_spells') }}
),

purchase_spells as (
    select * from {{ ref('int_purchase_spells') }}
),

final as (
    select * from contract_spells
    union all
    select * from purchase_spells
)

select * from final
