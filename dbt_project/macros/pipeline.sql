{#
    Rules that several tables of the pipeline share.
    Does not belong here: the limits, which are the company's settings.
#}

{# Forecast category of an open deal: what the company says of its stage, else by the source's probability.
   `observation` must be in scope. #}
{% macro forecast_category(stage_category, probability) -%}
    case
        when {{ stage_category }} is not null then {{ stage_category }}
        when {{ probability }} >= observation.commit_min_probability then 'commit'
        when {{ probability }} >= observation.best_case_min_probability then 'best_case'
        else 'pipeline'
    end
{%- endmacro %}
