-- Nobody arrives who did not set out, and a longer window never counts fewer.
with funnel as (
    select
        cohort_month,
        from_stage,
        to_stage,
        window_name,
        entered_count,
        reached_count,
        lag(reached_count) over (
            partition by cohort_month, from_stage, to_stage order by coalesce(window_days, 100000)
        ) as shorter_reached_count
    from {{ ref('fct_lead_funnel') }}
)

select * from funnel
where reached_count > entered_count or reached_count < shorter_reached_count
