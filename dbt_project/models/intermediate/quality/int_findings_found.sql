with found as (
    {% for family in finding_families() -%}
    select * from {{ ref('int_findings_' ~ family) }}
    {% if not loop.last %}union all
    {% endif %}
    {%- endfor %}
),

final as (
    select
        {{ hashed_key(['rule', 'table_name', 'row_key']) }} as finding_id,
        rule,
        source,
        table_name,
        row_key,
        message,
        rows_count,
        happened_on
    from found
)

select * from final
