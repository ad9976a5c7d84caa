-- Every row that was read was either accepted or quarantined.
select * from {{ source('control', 'loads') }}
where rows_read <> rows_inserted + rows_updated + rows_unchanged + rows_quarantined
