{# The columns identify a row: none is null and no combination occurs twice. One query instead of one per column. #}
{% test unique_key(model, columns) %}
    select {{ columns | join(', ') }}, count(*) as rows_count
    from {{ model }}
    group by {{ columns | join(', ') }}
    having count(*) > 1{% for column in columns %} or {{ column }} is null{% endfor %}
{% endtest %}
