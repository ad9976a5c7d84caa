{# What a share of faulty rows is a share of: the newest version of every row, and the rows that are refused. #}
with{% for table in raw_tables() %}
{{ table }} as (
    select
        source,
        '{{ table }}' as table_name,
        count(*) as accepted_rows_count,
        0 as refused_rows_count
    from {{ ref('stg_raw__' ~ table) }}
    where {{ is_newest() }}
    group by source
),

refused_{{ table }} as (
    select
        source,
        '{{ table }}' as table_name,
        0 as accepted_rows_count,
        count(distinct concat(source_file, ':', cast(source_row as varchar))) as refused_rows_count
    from {{ source('quarantine', table) }}
    where mended_at is null
    group by source
),
{% endfor %}
counted as (
    {% for table in raw_tables() -%}
    select * from {{ table }}
    union all
    select * from refused_{{ table }}
    {% if not loop.last %}union all
    {% endif %}
    {%- endfor %}
),

final as (
    select
        source,
        table_name,
        sum(accepted_rows_count) as accepted_rows_count,
        sum(refused_rows_count) as refused_rows_count,
        sum(accepted_rows_count + refused_rows_count) as rows_count
    from counted
    group by source, table_name
)

select * from final
