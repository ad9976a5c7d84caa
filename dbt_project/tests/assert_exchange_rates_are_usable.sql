-- A line added by hand is the first of a month, above zero, in three letters, and not of the euro, which is 1.
select * from {{ ref('exchange_rates') }}
where
    rate_per_eur is null
    or rate_per_eur <= 0
    or valid_from <> {{ month_start('valid_from') }}
    or currency <> upper(currency)
    or length(currency) <> 3
    or currency = 'EUR'
