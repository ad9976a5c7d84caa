-- First and last expected close differ by the days of all moves.
select * from {{ ref('fct_deal_slippage') }}
where coalesce(slippage_days, 0) <> pushed_days - pulled_days or (has_expectation and slippage_days is null)
