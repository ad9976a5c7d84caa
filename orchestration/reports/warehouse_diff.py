"""`make compare-warehouses OLD=... NEW=...`: what differs between the marts of two warehouse files.

Belongs here: comparing tables row by row over their keys, and printing the outcome. Keys are those that dbt tests.
Does not belong here: building either warehouse.
"""

import argparse
import json
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ingestion.sql_text import literal
from orchestration.runs.progress import wide_console
from orchestration.transformations.manifest import fresh_manifest

SCHEMAS = ("marts",)
# Sums of doubles depend on the order of adding; what differs by less than this share is the same figure.
ROUNDING = 1e-9


Columns = Mapping[str, str]


@dataclass(frozen=True)
class TableDiff:
    """What differs in one table; equal when all counts are zero and both sides have the same columns.

    Attributes:
        changed_cells: column to the number of rows of both sides in which it differs.
    """

    table: str
    old_rows: int
    new_rows: int
    only_old: int
    only_new: int
    changed_rows: int
    changed_cells: Mapping[str, int] = field(default_factory=dict)
    removed_columns: Sequence[str] = ()
    added_columns: Sequence[str] = ()

    @property
    def is_equal(self) -> bool:
        """Whether a reader would notice nothing."""
        return not (self.only_old or self.only_new or self.changed_rows or self.removed_columns or self.added_columns)


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare and print; 0 when the marts are equal, 1 when they differ, 2 when a file cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m orchestration.reports.warehouse_diff", description=__doc__)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    chosen = parser.parse_args(arguments)
    console = wide_console()
    for path in (chosen.old, chosen.new):
        if not path.is_file():
            console.print(f"No warehouse at {path}; name a DuckDB file that a run has built.", style="red")
            return 2
    try:
        diffs = compare(chosen.old, chosen.new)
    except duckdb.Error as error:
        console.print(escape(f"The two files cannot be compared: {error}"), style="red", highlight=False)
        console.print("Both must be warehouses that no run holds just now (wait for its end, or compare a copy).")
        return 2
    print_diffs(console, diffs)
    return 0 if all(diff.is_equal for diff in diffs) else 1


def compare(
    old: Path, new: Path, keys: Mapping[str, Sequence[str]] | None = None, *, without: Collection[str] = ()
) -> list[TableDiff]:
    """Compare every mart that either warehouse has.

    Args:
        keys: table to the columns that identify a row; default those that dbt's `unique_key` tests name. A table
            without a key is compared as a bag of rows.
        without: columns that are not compared, in any table.
    """
    known = keys if keys is not None else keys_on_record()
    with duckdb.connect() as connection:
        for side, path in (("old", old), ("new", new)):
            connection.execute(f"attach {literal(path)} as {side} (read_only)")
        sides = {side: _tables(connection, side, without) for side in ("old", "new")}
        names = sorted(set(sides["old"]) | set(sides["new"]))
        return [_compare(connection, name, sides["old"].get(name), sides["new"].get(name), known) for name in names]


def keys_on_record(manifest: Path | None = None) -> dict[str, list[str]]:
    """Table to the columns of its `unique_key` test, from dbt's manifest."""
    nodes = json.loads((manifest or fresh_manifest()).read_text(encoding="utf-8"))["nodes"]
    tests = [node for node in nodes.values() if (node.get("test_metadata") or {}).get("name") == "unique_key"]
    return {
        nodes[test["attached_node"]]["name"]: test["test_metadata"]["kwargs"]["columns"]
        for test in tests
        if test["attached_node"] in nodes
    }


def print_diffs(console: Console, diffs: Sequence[TableDiff]) -> None:
    """One line per table that differs, and how many do not."""
    table = Table(header_style="dim", box=None, pad_edge=False)
    for heading in ("table", "rows before", "rows after", "gone", "added", "changed"):
        table.add_column(heading, justify="left" if heading == "table" else "right")
    table.add_column("columns")
    differing = [diff for diff in diffs if not diff.is_equal]
    for diff in differing:
        counts = (diff.old_rows, diff.new_rows, diff.only_old, diff.only_new, diff.changed_rows)
        table.add_row(diff.table, *(f"{count:,}" for count in counts), _columns(diff))
    if differing:
        console.print(table)
    console.print(f"{len(diffs) - len(differing)} of {len(diffs)} tables are equal.", highlight=False)


def _columns(diff: TableDiff) -> str:
    parts = [f"{name} {count:,}" for name, count in sorted(diff.changed_cells.items(), key=lambda cell: -cell[1])]
    parts += [f"-{name}" for name in diff.removed_columns] + [f"+{name}" for name in diff.added_columns]
    return ", ".join(parts)


def _tables(connection: duckdb.DuckDBPyConnection, side: str, without: Collection[str]) -> Mapping[str, Columns]:
    rows = connection.execute(
        "select table_name, column_name, data_type from duckdb_columns() "
        "where database_name = ? and list_contains(?, schema_name) and not list_contains(?, column_name) "
        "order by table_name, column_index",
        [side, list(SCHEMAS), list(without)],
    ).fetchall()
    found: dict[str, dict[str, str]] = {}
    for table, column, kind in rows:
        found.setdefault(table, {})[column] = kind
    return found


def _compare(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    old: Columns | None,
    new: Columns | None,
    keys: Mapping[str, Sequence[str]],
) -> TableDiff:
    old_rows, new_rows = (
        0 if columns is None else _count(connection, f"{side}.marts.{table}")
        for side, columns in (("old", old), ("new", new))
    )
    if old is None or new is None:
        return TableDiff(table, old_rows, new_rows, old_rows, new_rows, 0, {}, list(old or ()), list(new or ()))
    shared = [name for name in new if name in old]
    identity = [name for name in keys.get(table, shared) if name in shared] or shared
    facts = [name for name in shared if name not in identity]
    differs = {name: _differs(name, {old[name], new[name]}) for name in facts}
    found = connection.execute(_query(table, identity, list(differs.values()))).fetchall()[0]
    only_old, only_new, changed, *cells = (int(count or 0) for count in found)
    return TableDiff(
        table,
        old_rows,
        new_rows,
        only_old=only_old,
        only_new=only_new,
        changed_rows=changed,
        changed_cells={name: count for name, count in zip(facts, cells, strict=True) if count},
        removed_columns=[name for name in old if name not in new],
        added_columns=[name for name in new if name not in old],
    )


def _differs(name: str, kinds: set[str]) -> str:
    """Whether the column differs between the sides; doubles that differ by rounding do not."""
    differs = f'(old."{name}" is distinct from new."{name}")'
    if kinds != {"DOUBLE"}:
        return differs
    larger = f'greatest(abs(old."{name}"), abs(new."{name}"))'
    return f'({differs} and coalesce(abs(old."{name}" - new."{name}") > {ROUNDING} * {larger}, true))'


def _query(table: str, identity: Sequence[str], differs: Sequence[str]) -> str:
    """Counts of rows of one side only, of changed rows, and of changed cells by column.

    Rows with equal keys are numbered, so that a table without a key, or with a broken one, is compared as a bag.
    """
    keys = ", ".join(f'"{name}"' for name in identity)
    same = " and ".join(f'old."{name}" is not distinct from new."{name}"' for name in [*identity, "copy_number"])
    both = "old.copy_number is not null and new.copy_number is not null"
    sides = ", ".join(
        f"{side} as (select *, row_number() over (partition by {keys} order by {keys}) as copy_number "  # noqa: S608
        f"from {side}.marts.{table})"
        for side in ("old", "new")
    )
    counts = [
        "count(*) filter (new.copy_number is null)",
        "count(*) filter (old.copy_number is null)",
        f"count(*) filter ({both} and ({' or '.join(differs) or 'false'}))",
        *(f"count(*) filter ({both} and {part})" for part in differs),
    ]
    return f"with {sides} select {', '.join(counts)} from old full outer join new on {same}"  # noqa: S608


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    return int(connection.execute(f"select count(*) from {table}").fetchall()[0][0])  # noqa: S608


if __name__ == "__main__":
    sys.exit(main())
