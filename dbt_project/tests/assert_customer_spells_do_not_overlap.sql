-- A spell ends before the next one begins; otherwise a customer would be counted twice.
with spells as (
    select
        account_id,
        spell_number,
        started_on,
        ended_on,
        lead(started_on) over (partition by account_id order by spell_number) as next_started_on
    from {{ ref('fct_customer_spells') }}
)

select * from spells
where ended_on <= started_on or (next_started_on is not null and coalesce(ended_on > next_started_on, true))
