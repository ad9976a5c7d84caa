"""The metrics layer: what each metric means, and its values, from the one definition in `dbt_project/models/metrics`.

Belongs here: reading the definitions that dbt parsed, letting MetricFlow write their SQL, and computing values with it.
Does not belong here: any formula (dbt's YAML), and how values are shown or stored.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import duckdb
import pandas as pd

from orchestration.transformations.manifest import SEMANTIC_MANIFEST, fresh_manifest

if TYPE_CHECKING:
    from metricflow.protocols.sql_client import SqlClient

ALL = "all"
MONTH = "metric_time__month"
# Ten digits that count: sums of doubles differ in the last ones from run to run, and the same data are the same value.
ROUNDED = "case when {0} = 0 then 0.0 else round(cast({0} as double), 9 - cast(floor(log10(abs({0}))) as integer)) end"


@dataclass(frozen=True)
class Definition:
    """One metric as it is defined.

    Attributes:
        formula: rendered from the definition, so that it cannot say something else.
        grain: what one value is about.
        by: dimensions without which a value means nothing; every value is by all of them.
        dimensions: further dimensions by which values are kept, one at a time.
        unit: money, ratio, days, hours, months, times, count, score or points.
        version: raised when the meaning changes.
        fingerprint: changes when the meaning does.
    """

    name: str
    label: str
    description: str
    formula: str
    grain: str
    by: tuple[str, ...]
    dimensions: tuple[str, ...]
    unit: str
    owner: str
    caveat: str
    version: int
    fingerprint: str


class MetricLayer:
    """The definitions and MetricFlow's SQL for them, from one parse of the dbt project.

    Only dbt's semantic manifest is read: the whole manifest is thirty times as large and says no more of metrics.

    Args:
        manifest: the semantic manifest; default that of the project as it is now.
    """

    def __init__(self, manifest: Path | None = None) -> None:
        self._path = manifest or fresh_manifest().with_name(SEMANTIC_MANIFEST)

    @cached_property
    def definitions(self) -> tuple[Definition, ...]:
        """All metrics that people see, by name; inputs of other metrics that say `is_input` are left out."""
        found = [self._definition(node) for node in self._metrics.values() if not _meta(node).get("is_input")]
        return tuple(sorted(found, key=lambda definition: definition.name))

    @property
    def tables(self) -> set[str]:
        """The marts that metrics are computed from."""
        return {table for table, _ in self._measures.values()}

    def sql(self, metric: str, by: Sequence[str] = ()) -> str:
        """The query that gives the metric by month and the dimensions named.

        Args:
            by: dimensions as MetricFlow names them, `<entity>__<dimension>`.

        Returns:
            SQL with the columns `metric_time__month`, those of `by`, and the metric.
        """
        from metricflow.engine.metricflow_engine import MetricFlowQueryRequest

        request = MetricFlowQueryRequest.create(metric_names=[metric], group_by_names=[MONTH, *by])
        return str(self._engine.explain(request).sql_statement.without_descriptions.sql)

    def values(self, connection: duckdb.DuckDBPyConnection, definition: Definition) -> pd.DataFrame:
        """Every value of a metric, of the whole company and by each of its dimensions.

        Returns:
            month_start, dimension (`all`, or names joined by `/`), dimension_value, value.
        """
        cuts = [definition.by, *((*definition.by, dimension) for dimension in definition.dimensions)]
        return pd.concat([self._cut(connection, definition.name, cut) for cut in cuts], ignore_index=True)

    def _cut(self, connection: duckdb.DuckDBPyConnection, metric: str, by: Sequence[str]) -> pd.DataFrame:
        names = " || '/' || ".join(f"coalesce(cast({name} as varchar), 'unknown')" for name in by) or f"'{ALL}'"
        dimension = "/".join(name.split("__")[-1] for name in by) or ALL
        value = ROUNDED.format(metric)
        frame: pd.DataFrame = connection.sql(
            f"select cast({MONTH} as date) as month_start, '{dimension}' as dimension, {names} as dimension_value, "  # noqa: S608 - names from our own definitions
            f"{value} as value from ({self.sql(metric, by)}) where {metric} is not null order by 1, 3"
        ).df()
        return frame

    @cached_property
    def _manifest(self) -> Mapping[str, Any]:
        manifest: Mapping[str, Any] = json.loads(self._path.read_text(encoding="utf-8"))
        return manifest

    @cached_property
    def _metrics(self) -> Mapping[str, Mapping[str, Any]]:
        return {node["name"]: node for node in self._manifest["metrics"]}

    @cached_property
    def _measures(self) -> Mapping[str, tuple[str, Mapping[str, Any]]]:
        """Measure to the table it is read from and its definition."""
        return {
            measure["name"]: (model["node_relation"]["alias"], measure)
            for model in self._manifest["semantic_models"]
            for measure in model["measures"]
        }

    @cached_property
    def _engine(self) -> Any:  # noqa: ANN401 - MetricFlow is imported when it is needed
        from metricflow.engine.metricflow_engine import MetricFlowEngine
        from metricflow.protocols.sql_client import SqlEngine
        from metricflow.sql.render.duckdb_renderer import DuckDbSqlPlanRenderer
        from metricflow_semantics.model.dbt_manifest_parser import parse_manifest_from_dbt_generated_manifest
        from metricflow_semantics.model.semantic_manifest_lookup import SemanticManifestLookup

        class SqlWriter:
            """MetricFlow's idea of a database, as far as writing SQL needs one: our own connection runs it."""

            sql_engine_type = SqlEngine.DUCKDB
            sql_plan_renderer = DuckDbSqlPlanRenderer()

        written = json.loads(self._path.read_text(encoding="utf-8"))
        for model in written["semantic_models"]:
            # The name of the file that dbt parsed with is not the name of the file that is asked.
            relation = model["node_relation"]
            relation["relation_name"] = f'"{relation["schema_name"]}"."{relation["alias"]}"'
        manifest = parse_manifest_from_dbt_generated_manifest(manifest_json_string=json.dumps(written))
        return MetricFlowEngine(SemanticManifestLookup(manifest), sql_client=cast("SqlClient", SqlWriter()))

    def _definition(self, node: Mapping[str, Any]) -> Definition:
        meta = _meta(node)
        formula = self._formula(node["name"])
        meaning = [formula, meta["grain"], meta.get("by", []), sorted(self._tables(node["name"]))]
        if unsaid := list(self._unsaid(node["name"])):
            meaning.append(unsaid)
        return Definition(
            name=node["name"],
            label=node["label"],
            description=" ".join(node["description"].split()),
            formula=formula,
            grain=meta["grain"],
            by=tuple(meta.get("by", ())),
            dimensions=tuple(meta.get("dimensions", ())),
            unit=meta["unit"],
            owner=meta["owner"],
            caveat=meta["caveat"],
            version=meta["version"],
            fingerprint=hashlib.sha256(json.dumps(meaning).encode()).hexdigest()[:12],
        )

    def _formula(self, name: str) -> str:
        node = self._metrics[name]
        params = node["type_params"]
        filters = [self._filter(node.get("filter"))]
        if node["type"] == "ratio":
            parts = [params["numerator"], params["denominator"]]
            said = " / ".join(self._formula(part["name"]) + self._filter(part.get("filter")) for part in parts)
        elif node["type"] == "derived":
            said = params["expr"]
            formulas = {
                part.get("alias") or part["name"]: f"({self._formula(part['name'])}{self._filter(part.get('filter'))})"
                for part in params["metrics"]
            }
            said = _replaced(said, formulas)
        else:
            said = self._measure_formula(params["measure"]["name"])
        return said + "".join(filters)

    def _measure_formula(self, name: str) -> str:
        table, measure = self._measures[name]
        expression = measure.get("expr") or name
        percentile = (measure.get("agg_params") or {}).get("percentile")
        aggregate = f"percentile {percentile:g}" if percentile else measure["agg"]
        return f"{aggregate}({table}.{expression})"

    def _filter(self, given: Mapping[str, Any] | None) -> str:
        templates = [part["where_sql_template"] for part in (given or {}).get("where_filters", [])]
        return f" where {' and '.join(_without_jinja(text) for text in templates)}" if templates else ""

    def _tables(self, name: str) -> Iterator[str]:
        params = self._metrics[name]["type_params"]
        if params.get("measure"):
            yield self._measures[params["measure"]["name"]][0]
        for part in _parts(params):
            yield from self._tables(part["name"])

    def _unsaid(self, name: str) -> Iterator[Mapping[str, Any]]:
        """What gives the metric its meaning beside the formula: how levels add up over time, shifts, filled gaps."""
        params = self._metrics[name]["type_params"]
        if used := params.get("measure"):
            _, measure = self._measures[used["name"]]
            yield from _given(measure, "non_additive_dimension")
            yield from _given(used, "filter", "join_to_timespine", "fill_nulls_with")
        yield from _given(params, "window", "grain_to_date", "cumulative_type_params", "conversion_type_params")
        for part in _parts(params):
            yield from _given(part, "offset_window", "offset_to_grain")
            yield from self._unsaid(part["name"])


def _meta(node: Mapping[str, Any]) -> Mapping[str, Any]:
    meta: Mapping[str, Any] = node["config"].get("meta", {})
    return meta


def _parts(params: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The metrics that a ratio or a derived metric is made of."""
    return [part for part in (params.get("numerator"), params.get("denominator")) if part] + (
        params.get("metrics") or []
    )


def _given(node: Mapping[str, Any], *keys: str) -> Iterator[Mapping[str, Any]]:
    yield from ({key: node[key]} for key in keys if node.get(key))


def _replaced(text: str, formulas: Mapping[str, str]) -> str:
    """All words at once, so that a word within a formula that was put in is left alone."""
    words = "|".join(map(re.escape, formulas))
    return re.sub(rf"\b(?:{words})\b", lambda found: formulas[found.group()], text)


def _without_jinja(text: str) -> str:
    """`{{ Dimension('deal__is_open') }} = 1` reads `is_open = 1`."""
    return re.sub(r"\{\{\s*Dimension\('(?:\w+__)?(\w+)'\)\s*\}\}", r"\1", " ".join(text.split()))
