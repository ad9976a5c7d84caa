"""Where each column of dbt's tables comes from, read from the compiled SQL once per state of the dbt project.

Belongs here: from a manifest with compiled SQL to columns, their types and their origins, and the file beside the
manifest that keeps them. Does not belong here: how the graph shows them (`orchestration.tables.table_schemas`).

dagster-dbt can do this in every run, at some seconds a run and with a connection that holds the warehouse's lock. The
answer depends on the SQL alone, so it is worked out where the manifest is made, and read as a file afterwards.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from orchestration.tables import landed_tables

if TYPE_CHECKING:
    import duckdb
    from sqlglot import exp
    from sqlglot.lineage import Node
    from sqlglot.schema import MappingSchema

FILE: Final = "column_lineage.json"
DIALECT: Final = "duckdb"


@dataclass(frozen=True)
class Column:
    """One column of one table.

    Attributes:
        kind: its DuckDB type, lower case.
        origins: columns of other tables that its value is made of, as `schema.table.column`, sorted.
        expression: the SQL that makes it where it is made of no column: a count of rows, a constant. Without either,
            the origin could not be read.
    """

    kind: str
    origins: tuple[str, ...]
    expression: str


# `schema.table` to its columns in order.
Lineage = Mapping[str, Mapping[str, Column]]


def fresh_lineage(manifest: Path) -> Lineage:
    """The lineage of the project that a manifest describes, from the file beside it or worked out and kept there."""
    kept, fingerprint = manifest.with_name(FILE), _fingerprint(manifest)
    if kept.exists():
        content = json.loads(kept.read_text(encoding="utf-8"))
        if content["fingerprint"] == fingerprint:
            return _read(content["tables"])
    found = of_manifest(json.loads(manifest.read_text(encoding="utf-8")))
    tables = {table: {name: asdict(one) for name, one in columns.items()} for table, columns in found.items()}
    scratch = kept.with_suffix(f".{os.getpid()}")
    scratch.write_text(json.dumps({"fingerprint": fingerprint, "tables": tables}), encoding="utf-8")
    os.replace(scratch, kept)  # noqa: PTH105 - another process may read it right now
    return found


def of_manifest(manifest: Mapping[str, Any]) -> Lineage:
    """The columns of all models and seeds, each made of columns of the tables it reads directly.

    Types are DuckDB's own: each model's SQL is made into an empty table, parents first. SQL that DuckDB or sqlglot
    refuse is dbt's to tell when it builds the model: here it has the documented columns, without origin.
    """
    import duckdb
    from sqlglot.errors import SqlglotError
    from sqlglot.schema import MappingSchema

    known = MappingSchema(dialect=DIALECT)
    found: dict[str, dict[str, Column]] = {}
    with duckdb.connect(":memory:") as connection:
        # The project's database; a model names it with every table.
        connection.execute("attach ':memory:' as warehouse")
        connection.execute("use warehouse")
        for table, columns in landed_tables.declared().items():
            _create(connection, table, ", ".join(f'"{name}" {kind}' for name, kind in columns.items()))
            known.add_table(table, columns, dialect=DIALECT)
        for node in _parents_first(manifest):
            table = f"{node['schema']}.{node['alias']}"
            try:
                kinds = _kinds(connection, table, node)
                found[table] = _columns(node, kinds, known)
            except (duckdb.Error, SqlglotError):
                kinds = _documented(connection, table, node)
                found[table] = {name: Column(kind, (), "") for name, kind in kinds.items()}
            known.add_table(table, kinds, dialect=DIALECT)
    return found


def roots(lineage: Lineage, column: str) -> tuple[str, ...]:
    """The landed columns (or seeds' columns) that a `schema.table.column` is made of in the end, sorted."""
    found, seen, waiting = set(), set(), [column]
    while waiting:
        one = waiting.pop()
        if one in seen:
            continue
        seen.add(one)
        table, _, name = one.rpartition(".")
        known = lineage.get(table, {}).get(name)
        if known is None or not known.origins:
            found.add(one)
        else:
            waiting += known.origins
    return tuple(sorted(found - {column}))


def _fingerprint(manifest: Path) -> str:
    """Changes with the dbt project, the tables it reads, and how lineage is worked out."""
    digest = hashlib.sha256(manifest.with_suffix(".fingerprint").read_bytes())
    digest.update(json.dumps(landed_tables.declared()).encode() + Path(__file__).read_bytes())
    digest.update(version("sqlglot").encode())
    return digest.hexdigest()


def _read(tables: Mapping[str, Any]) -> Lineage:
    return {
        table: {name: Column(one["kind"], tuple(one["origins"]), one["expression"]) for name, one in columns.items()}
        for table, columns in tables.items()
    }


def _parents_first(manifest: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Models and seeds, each after those it reads; ephemeral ones are part of their readers' SQL."""
    nodes = {key: node for key, node in manifest["nodes"].items() if node["resource_type"] in ("model", "seed")}
    done: set[str] = set()

    def visit(key: str) -> Iterator[Mapping[str, Any]]:
        if key in done or key not in nodes:
            return
        done.add(key)
        for parent in nodes[key]["depends_on"]["nodes"] if nodes[key]["resource_type"] == "model" else ():
            yield from visit(parent)
        if nodes[key]["config"]["materialized"] != "ephemeral":
            yield nodes[key]

    for key in nodes:
        yield from visit(key)


def _kinds(connection: "duckdb.DuckDBPyConnection", table: str, node: Mapping[str, Any]) -> dict[str, str]:
    """Make the node's empty table; returns its columns and their types."""
    if node["resource_type"] == "seed":
        kinds = node["config"]["column_types"]
        _create(connection, table, ", ".join(f'"{name}" {kinds.get(name, "varchar")}' for name in node["columns"]))
    else:
        connection.execute(f'create schema if not exists "{node["schema"]}"')
        # The project's own SQL, on empty tables in memory.
        connection.execute(f"create table {table} as select * from ({node['compiled_code']}) limit 0")  # noqa: S608
    return {name: str(kind).lower() for name, kind, *_ in connection.execute(f"describe {table}").fetchall()}


def _documented(connection: "duckdb.DuckDBPyConnection", table: str, node: Mapping[str, Any]) -> dict[str, str]:
    """Make the table that the YAML describes; returns its columns and their types."""
    kinds = {name: str(column.get("data_type") or "varchar").lower() for name, column in node["columns"].items()}
    connection.execute(f"drop table if exists {table}")
    columns = ", ".join(f'"{name}" {kind}' for name, kind in kinds.items())
    _create(connection, table, columns or '"undocumented" varchar')
    return kinds


def _create(connection: "duckdb.DuckDBPyConnection", table: str, columns: str) -> None:
    connection.execute(f"create schema if not exists {table.split('.')[0]}")
    connection.execute(f"create table {table} ({columns})")


def _columns(node: Mapping[str, Any], kinds: Mapping[str, str], known: "MappingSchema") -> dict[str, Column]:
    from sqlglot import parse_one
    from sqlglot.lineage import lineage

    if node["resource_type"] == "seed":
        return {name: Column(kind, (), "a list of the project") for name, kind in kinds.items()}
    query = parse_one(node["compiled_code"], dialect=DIALECT)
    made = {} if _is_misread(query) else lineage(None, query, schema=known, dialect=DIALECT, trim_selects=False)
    of_name = {name.lower(): one for name, one in made.items()}
    return {name: _column(kind, of_name.get(name.lower())) for name, kind in kinds.items()}


def _is_misread(query: "exp.Expr") -> bool:
    """Whether sqlglot would name wrong origins: it takes these by position, or from the wrong side."""
    from sqlglot import exp

    is_by_name = any(one.args.get("by_name") for one in query.find_all(exp.SetOperation))
    return is_by_name or any(isinstance(one.this, exp.Subquery) for one in query.find_all(exp.Lateral))


def _column(kind: str, made: "Node | None") -> Column:
    from sqlglot import exp

    leaves = [node for node in _walk(made) if not node.downstream] if made else []
    # A table without a schema is a function, such as range().
    tables = [(node.expression, node.name) for node in leaves if isinstance(node.expression, exp.Table)]
    origins = {_origin(table, name) for table, name in tables if table.db}
    expression = "" if origins else "; ".join(sorted({node.expression.unalias().sql(DIALECT) for node in leaves}))
    return Column(kind, tuple(sorted(origins)), expression)


def _origin(table: "exp.Table", name: str) -> str:
    return f"{table.db}.{table.name}.{name.rpartition('.')[2]}"


def _walk(made: "Node") -> "Iterator[Node]":
    """Every node once: the CTEs of a model share their parents, so that plain recursion would repeat them."""
    seen, waiting = set(), [made]
    while waiting:
        node = waiting.pop()
        if id(node) not in seen:
            seen.add(id(node))
            waiting += node.downstream
            yield node
