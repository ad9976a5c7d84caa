-- In a stage at the month end = in it a month earlier + entered - left, for every stage and month; and every exit has
-- its kind.
with flow as (
    select
        *,
        lag(closing_count, 1, 0) over (partition by stage order by month_start) as earlier_closing_count
    from {{ ref('fct_deal_stage_flow') }}
)

select * from flow
where
    opening_count <> earlier_closing_count
    or closing_count <> earlier_closing_count + entered_count - left_count
    or left_count <> left_forward_count + left_backward_count + won_count + lost_count
