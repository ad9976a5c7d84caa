{# The joins of a model neither lose nor double a row of `of`, the model it describes: it has as many. `in_run` names
   the partition of an incremental model; then only the months of this run are counted. #}
{% test keeps_rows_of(model, of, in_run=none) %}
    with kept as (
        select count(*) as rows_count from {{ model }}
        where {{ is_in_run(in_run) if in_run else 'true' }}
    ),

    expected as (
        select count(*) as rows_count from {{ of }}
        where {{ is_in_run(in_run) if in_run else 'true' }}
    )

    select
        kept.rows_count,
        expected.rows_count as expected_count
    from kept
    cross join expected
    where kept.rows_count <> expected.rows_count
{% endtest %}
