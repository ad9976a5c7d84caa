-- Nearly every model is crossed with it: without its row the marts would be empty, with two every figure would double.
select count(*) as rows_count
from {{ ref('int_observation_window') }}
having count(*) <> 1
