import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from orchestration.manifest import SEMANTIC_MANIFEST, fresh_manifest
from orchestration.metric_layer import MetricLayer


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
