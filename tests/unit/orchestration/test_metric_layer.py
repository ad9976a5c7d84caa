import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from orchestration.manifest import SEMANTIC_MANIFEST, fresh_manifest
from orchestration.metric_layer import MetricLayer

META = {"owner": "finance", "unit": "ratio", "version": 1, "grain": "month", "caveat": "none"}


@pytest.fixture
def written() -> dict[str, Any]:
    """The project's semantic manifest, to be edited."""
    content: dict[str, Any] = json.loads(fresh_manifest().with_name(SEMANTIC_MANIFEST).read_text(encoding="utf-8"))
    return content


def layer(folder: Path, content: Mapping[str, Any]) -> MetricLayer:
    path = folder / SEMANTIC_MANIFEST
    path.write_text(json.dumps(content), encoding="utf-8")
    return MetricLayer(path)


def fingerprints(metrics: MetricLayer) -> dict[str, str]:
    return {one.name: one.fingerprint for one in metrics.definitions}


def test_how_a_level_adds_up_over_time_is_part_of_its_meaning(tmp_path: Path, written: dict[str, Any]) -> None:
    """MRR of a month's first day is another metric than that of its last; what is made of it changes as well."""
    before = fingerprints(layer(tmp_path, written))
    measures = [measure for model in written["semantic_models"] for measure in model["measures"]]
    (mrr,) = [measure for measure in measures if measure["name"] == "recurring_revenue"]
    mrr["non_additive_dimension"]["window_choice"] = "min"
    after = fingerprints(layer(tmp_path, written))
    assert {name for name in before if before[name] != after[name]} == {"mrr", "arr"}


def test_words_of_a_formula_that_was_put_in_are_left_alone(tmp_path: Path, written: dict[str, Any]) -> None:
    """A derived metric names its parts once, also where a part's own formula holds the name of another part."""
    (arr,) = [metric for metric in written["metrics"] if metric["name"] == "arr"]
    (part,) = arr["type_params"]["metrics"]
    arr["type_params"] |= {"expr": "a / mrr", "metrics": [part | {"alias": "a"}, part | {"alias": "mrr"}]}
    (formula,) = [one.formula for one in layer(tmp_path, written).definitions if one.name == "arr"]
    assert formula == "(sum(fct_monthly_revenue.mrr)) / (sum(fct_monthly_revenue.mrr))"


def metric(name: str, kind: str, params: dict[str, Any], **more: Any) -> dict[str, Any]:  # noqa: ANN401 - YAML of any kind
    config = {"meta": META | more.pop("meta", {})}
    params = {"metrics": []} | params
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


def small(folder: Path, *metrics: dict[str, Any], measures: list[dict[str, Any]] | None = None) -> MetricLayer:
    """A layer whose manifest holds these metrics over one table."""
    model = {
        "node_relation": {"alias": "fct_deals", "schema_name": "marts"},
        "measures": measures or [{"name": "won", "agg": "sum"}, {"name": "closed", "agg": "sum", "expr": "1"}],
    }
    return layer(folder, {"metrics": list(metrics), "semantic_models": [model]})


INPUTS = (simple("won", "won", meta={"is_input": True}), simple("closed", "closed", meta={"is_input": True}))
RATE = metric("rate", "ratio", {"numerator": {"name": "won"}, "denominator": {"name": "closed"}})


def test_formula_is_rendered_from_the_definition(tmp_path: Path) -> None:
    """A ratio, a derived metric and a percentile say which columns of which table they are made of."""
    doubled = metric("doubled", "derived", {"expr": "2 * r", "metrics": [{"name": "rate", "alias": "r"}]})
    slow = simple("slow", "p90")
    p90 = {"name": "p90", "agg": "percentile", "expr": "days", "agg_params": {"percentile": 0.9}}
    measures = [{"name": "won", "agg": "sum"}, {"name": "closed", "agg": "sum", "expr": "1"}, p90]
    found = small(tmp_path, *INPUTS, RATE, doubled, slow, measures=measures)
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
    (plain,) = small(tmp_path, *INPUTS, RATE).definitions
    (filtered,) = small(tmp_path, *INPUTS, RATE | {"filter": where}).definitions
    assert filtered.formula == f"{plain.formula} where is_new and x = 1"
    assert filtered.fingerprint != plain.fingerprint


@pytest.mark.parametrize("change", [{"grain": "week"}, {"by": ["deal__region"]}])
def test_grain_is_part_of_the_meaning(tmp_path: Path, change: dict[str, Any]) -> None:
    """A value of another thing is another metric; another owner or caveat is not."""
    (plain,) = small(tmp_path, *INPUTS, RATE).definitions
    (changed,) = small(tmp_path, *INPUTS, RATE | {"config": {"meta": META | change}}).definitions
    (owned,) = small(tmp_path, *INPUTS, RATE | {"config": {"meta": META | {"owner": "sales-operations"}}}).definitions
    assert changed.fingerprint != plain.fingerprint
    assert owned.fingerprint == plain.fingerprint


def test_inputs_of_metrics_are_not_shown(tmp_path: Path) -> None:
    """What only serves another metric is no metric that people see, but its table is read."""
    found = small(tmp_path, *INPUTS, RATE)
    assert [one.name for one in found.definitions] == ["rate"]
    assert found.tables == {"fct_deals"}


def test_sql_names_the_schema_and_no_file(tmp_path: Path) -> None:
    """MetricFlow's SQL runs on any warehouse file, whatever the one was called that dbt parsed with."""
    del tmp_path
    sql = MetricLayer().sql("mrr", ["revenue_month__region"])
    assert '"marts"."fct_monthly_revenue"' in sql
    assert "warehouse" not in sql
