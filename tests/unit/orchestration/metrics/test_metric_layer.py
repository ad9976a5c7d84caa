import json
from pathlib import Path
from typing import Any

import pytest

from orchestration.metrics.metric_layer import MetricLayer

META = {"owner": "finance", "unit": "ratio", "version": 1, "grain": "month", "caveat": "none"}


def metric(name: str, kind: str, params: dict[str, Any], **more: Any) -> dict[str, Any]:  # noqa: ANN401 - YAML of any kind
    config = {"meta": META | more.pop("meta", {})}
    return {
        "name": name,
        "label": name,
        "description": name,
        "type": kind,
        "type_params": params,
        "config": config,
    } | more


def simple(name: str, measure: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - YAML of any kind
    return metric(name, "simple", {"measure": {"name": measure}}, **more)


def layer(folder: Path, *metrics: dict[str, Any], measures: list[dict[str, Any]] | None = None) -> MetricLayer:
    """A layer whose manifest holds these metrics over one table."""
    model = {
        "node_relation": {"alias": "fct_deals", "schema_name": "marts"},
        "measures": measures or [{"name": "won", "agg": "sum"}, {"name": "closed", "agg": "sum", "expr": "1"}],
    }
    manifest = {"metrics": list(metrics), "semantic_models": [model]}
    path = folder / "semantic_manifest.json"
    path.write_text(json.dumps(manifest))
    return MetricLayer(path)


INPUTS = (simple("won", "won", meta={"is_input": True}), simple("closed", "closed", meta={"is_input": True}))
RATE = metric("rate", "ratio", {"numerator": {"name": "won"}, "denominator": {"name": "closed"}})


def test_formula_is_rendered_from_the_definition(tmp_path: Path) -> None:
    """A ratio, a derived metric and a percentile say which columns of which table they are made of."""
    doubled = metric("doubled", "derived", {"expr": "2 * r", "metrics": [{"name": "rate", "alias": "r"}]})
    slow = simple("slow", "p90")
    p90 = {"name": "p90", "agg": "percentile", "expr": "days", "agg_params": {"percentile": 0.9}}
    measures = [{"name": "won", "agg": "sum"}, {"name": "closed", "agg": "sum", "expr": "1"}, p90]
    found = layer(tmp_path, *INPUTS, RATE, doubled, slow, measures=measures)
    assert {one.name: one.formula for one in found.definitions} == {
        "rate": "sum(fct_deals.won) / sum(fct_deals.1)",
        "doubled": "2 * (sum(fct_deals.won) / sum(fct_deals.1))",
        "slow": "percentile 0.9(fct_deals.days)",
    }


def test_filter_is_part_of_the_meaning(tmp_path: Path) -> None:
    """A filter reads like SQL in the formula and gives the metric another fingerprint."""
    where = {
        "where_filters": [
            {"where_sql_template": "{{ Dimension('deal__is_new') }} and\n {{ Dimension('deal__x') }} = 1"}
        ]
    }
    (plain,) = layer(tmp_path, *INPUTS, RATE).definitions
    (filtered,) = layer(tmp_path, *INPUTS, RATE | {"filter": where}).definitions
    assert filtered.formula == f"{plain.formula} where is_new and x = 1"
    assert filtered.fingerprint != plain.fingerprint


@pytest.mark.parametrize("change", [{"grain": "week"}, {"by": ["deal__region"]}])
def test_grain_is_part_of_the_meaning(tmp_path: Path, change: dict[str, Any]) -> None:
    """A value of another thing is another metric; another owner or caveat is not."""
    (plain,) = layer(tmp_path, *INPUTS, RATE).definitions
    (changed,) = layer(tmp_path, *INPUTS, RATE | {"config": {"meta": META | change}}).definitions
    (owned,) = layer(tmp_path, *INPUTS, RATE | {"config": {"meta": META | {"owner": "sales-operations"}}}).definitions
    assert changed.fingerprint != plain.fingerprint
    assert owned.fingerprint == plain.fingerprint


def test_inputs_of_metrics_are_not_shown(tmp_path: Path) -> None:
    """What only serves another metric is no metric that people see, but its table is read."""
    found = layer(tmp_path, *INPUTS, RATE)
    assert [one.name for one in found.definitions] == ["rate"]
    assert found.tables == {"fct_deals"}


def test_sql_names_the_schema_and_no_file(tmp_path: Path) -> None:
    """MetricFlow's SQL runs on any warehouse file, whatever the one was called that dbt parsed with."""
    del tmp_path
    sql = MetricLayer().sql("mrr", ["revenue_month__region"])
    assert '"marts"."fct_monthly_revenue"' in sql
    assert "warehouse" not in sql


def test_how_a_level_adds_up_over_time_is_part_of_the_meaning(tmp_path: Path) -> None:
    """The level of a month's first day is another metric than that of its last; so is what is made of it."""

    def fingerprint(choice: str) -> str:
        level: dict[str, Any] = {
            "name": "won",
            "agg": "sum",
            "non_additive_dimension": {"name": "as_of", "window_choice": choice},
        }
        (rate,) = layer(tmp_path, *INPUTS, RATE, measures=[level, {"name": "closed", "agg": "sum"}]).definitions
        return rate.fingerprint

    assert fingerprint("min") != fingerprint("max")


def test_shift_in_time_is_part_of_the_meaning(tmp_path: Path) -> None:
    """A part taken from a year before is another metric than the part of the same month."""
    part = {"name": "rate", "alias": "r"}
    now = metric("change", "derived", {"expr": "r", "metrics": [part]})
    before = metric("change", "derived", {"expr": "r", "metrics": [part | {"offset_window": "12 months"}]})
    found = [layer(tmp_path, *INPUTS, RATE, one).definitions[0] for one in (now, before)]
    assert found[0].name == "change"
    assert found[0].fingerprint != found[1].fingerprint


def test_words_of_a_formula_that_was_put_in_are_left_alone(tmp_path: Path) -> None:
    """A part's own formula may hold the name of another part."""
    parts = [{"name": "closed", "alias": "a"}, {"name": "won", "alias": "fct_deals"}]
    derived = metric("derived", "derived", {"expr": "a / fct_deals", "metrics": parts})
    (one,) = layer(tmp_path, *INPUTS, derived).definitions
    assert one.formula == "(sum(fct_deals.1)) / (sum(fct_deals.won))"
