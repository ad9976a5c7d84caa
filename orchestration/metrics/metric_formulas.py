"""The metric definitions as a dbt macro, so that marts and dbt's unit tests render the same formulas.

Belongs here: turning models/metrics/*.yml into macros/metric_definitions.sql (`make metrics-page`).
dbt has a graph of metrics for models, but gives its unit tests none. Does not belong here: any formula.
"""

import json
from typing import Any

import yaml

from orchestration.resources import DBT_FOLDER

SOURCES = DBT_FOLDER / "models" / "metrics"
TARGET = DBT_FOLDER / "macros" / "metric_definitions.sql"
HEADER = """{#
    What models/metrics/*.yml defines, for macros/metrics.sql. Made by `make metrics-page`: change the definitions
    there. Does not belong here: anything written by hand.
#}
"""


def rendered() -> str:
    """The text of the macro file."""
    files = [yaml.safe_load(path.read_text()) for path in sorted(SOURCES.glob("*.yml"))]
    metrics = {metric["name"]: _metric(metric) for file in files for metric in file.get("metrics", [])}
    measures = {
        measure["name"]: _measure(measure)
        for file in files
        for model in file.get("semantic_models", [])
        for measure in model.get("measures", [])
    }
    macros = [_macro("metric_definitions", metrics), _macro("measure_definitions", measures)]
    return HEADER + "\n".join(macros)


def _metric(metric: dict[str, Any]) -> dict[str, Any]:
    params = metric["type_params"]
    inputs = {entry.get("alias", entry["name"]): entry["name"] for entry in map(_named, params.get("metrics", []))}
    parts = {key: _named(params[key])["name"] for key in ("measure", "numerator", "denominator") if key in params}
    expression = {"expr": params["expr"], "inputs": inputs} if "expr" in params else {}
    return {"type": metric["type"]} | parts | expression


def _measure(measure: dict[str, Any]) -> dict[str, Any]:
    percentile = measure.get("agg_params", {}).get("percentile")
    shown = {"agg": measure["agg"], "expr": measure.get("expr", measure["name"])}
    return shown | ({} if percentile is None else {"percentile": percentile})


def _named(entry: str | dict[str, Any]) -> dict[str, Any]:
    return {"name": entry} if isinstance(entry, str) else entry


def _macro(name: str, entries: dict[str, dict[str, Any]]) -> str:
    lines = ",\n".join(f"        {json.dumps(key)}: {json.dumps(value)}" for key, value in sorted(entries.items()))
    return f"\n{{% macro {name}() -%}}\n    {{{{ return({{\n{lines}\n    }}) }}}}\n{{%- endmacro %}}\n"


if __name__ == "__main__":
    TARGET.write_text(rendered())
