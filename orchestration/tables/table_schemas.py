"""Columns of dbt's tables as the graph shows them: type, description, constraints, and where each comes from.

Belongs here: from a manifest, its tests and its lineage to Dagster's schema of a table. Does not belong here: working
lineage out (`orchestration.tables.column_lineage`), names and groups (`orchestration.tables.translator`).

The open-source UI draws no column lineage; it is told in each column's description, with links, and in
`dagster/column_lineage` for whoever reads the graph through the API.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

import dagster as dg

from orchestration.tables.column_lineage import Column, Lineage, roots

Node = Mapping[str, Any]
ORIGINS_SHOWN: Final = 4
OF_EVERY_TEST: Final = ("model", "column_name")
# A person behind the column; what is made of it is personal as well.
PERSONAL: Final = ("raw.leads.email_hash", "raw.survey_responses.comment", "raw.touchpoints.properties")


class TableSchemas:
    """The schemas of one manifest's models and seeds."""

    def __init__(self, manifest: Mapping[str, Any], lineage: Lineage, prefix: Sequence[str] = ()) -> None:
        """Read the tests' promises once.

        Args:
            prefix: what comes first in every asset key.
        """
        self._lineage = lineage
        self._prefix = tuple(prefix)
        self._promises = _promises(manifest)

    def schema(self, node: Node) -> dg.TableSchema:
        """The columns in the table's own order; what the tests promise is their constraint."""
        promises = self._promises[node["unique_id"]]
        columns = self._lineage.get(_table(node), {})
        return dg.TableSchema(
            [self._column(node, name, column, promises) for name, column in columns.items()],
            constraints=dg.TableConstraints(other=promises[""]),
        )

    def lineage(self, node: Node) -> dg.TableColumnLineage:
        """Every column with the columns of the tables read directly that it is made of."""
        return dg.TableColumnLineage(
            {
                name: [dg.TableColumnDep(self._key(origin), origin.rpartition(".")[2]) for origin in column.origins]
                for name, column in self._lineage.get(_table(node), {}).items()
            }
        )

    def is_personal(self, node: Node) -> bool:
        """Whether any column is made of one that tells of a person."""
        return any(self._is_personal(f"{_table(node)}.{name}") for name in self._lineage.get(_table(node), {}))

    def _is_personal(self, column: str) -> bool:
        return not set(PERSONAL).isdisjoint(roots(self._lineage, column))

    def _column(self, node: Node, name: str, column: Column, promises: Mapping[str, list[str]]) -> dg.TableColumn:
        documented = node["columns"].get(name, {})
        declared = {constraint["type"] for constraint in documented.get("constraints", [])}
        keys = [one for one in promises[""] if one == f"unique: {name}"]
        return dg.TableColumn(
            name,
            column.kind,
            description=f"{documented.get('description', '')} {self._origin(_table(node), name, column)}".strip(),
            constraints=dg.TableColumnConstraints(
                nullable="not_null" not in declared and "not null" not in promises[name],
                unique=bool(keys),
                other=[one for one in promises[name] if one != "not null"],
            ),
            tags={"personal": ""} if self._is_personal(f"{_table(node)}.{name}") else {},
        )

    def _origin(self, table: str, name: str, column: Column) -> str:
        if not column.origins:
            return f"*Made by `{column.expression}`.*" if column.expression else "*Its origin could not be read.*"
        landed = [one for one in roots(self._lineage, f"{table}.{name}") if one not in column.origins]
        told = f"*From {_listed([self._link(one) for one in column.origins])}*"
        return f"{told}, *landed as {_listed([f'`{one}`' for one in landed])}.*" if landed else f"{told}."

    def _key(self, column: str) -> dg.AssetKey:
        return dg.AssetKey([*self._prefix, *column.split(".")[:2]])

    def _link(self, column: str) -> str:
        return f"[{column.partition('.')[2]}](/assets/{'/'.join(self._key(column).path)})"


def _promises(manifest: Mapping[str, Any]) -> Mapping[str, Mapping[str, list[str]]]:
    """Node to column to what its tests promise; column "" is the table."""
    found: defaultdict[str, defaultdict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for test in manifest["nodes"].values():
        said = test.get("test_metadata") if test["resource_type"] == "test" else None
        if said:
            promise = _promise(said["name"], said["kwargs"])
            found[test["attached_node"]][test["column_name"] or ""].append(promise)
    return found


def _promise(test: str, arguments: Mapping[str, Any]) -> str:
    """A generic test in a few words."""
    if test == "unique_key":
        return "unique: " + ", ".join(arguments["columns"])
    if test == "accepted_values":
        return "one of: " + ", ".join(str(value) for value in arguments["values"])
    if test == "relationships":
        return f"found in {_referred(arguments['to'])}.{arguments['field']}"
    if test == "keeps_rows_of":
        return f"as many rows as {_referred(arguments['of'])}"
    said = {name: arguments[name] for name in arguments if name not in OF_EVERY_TEST}
    return test.replace("_", " ") + (f" {json.dumps(said)}" if said else "")


def _referred(expression: str) -> str:
    """`ref('dim_accounts')` is dim_accounts."""
    return expression.split("'")[1] if "'" in expression else expression


def _table(node: Node) -> str:
    return f"{node['schema']}.{node['alias']}"


def _listed(names: list[str]) -> str:
    more = len(names) - ORIGINS_SHOWN
    return ", ".join(names[:ORIGINS_SHOWN]) + (f" and {more} more" if more > 0 else "")
