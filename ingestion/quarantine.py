"""Why rows were refused, in few lines for a person.

Belongs here: summing up quarantine.*. Does not belong here: deciding what is refused (`ingestion.mapping_sql`,
`ingestion.versions`).
"""
# ruff: noqa: S608 - names come from the contract

from dataclasses import dataclass

import duckdb

from ingestion.contract import TABLES

GENERALISED = r"""
    regexp_replace(regexp_replace(regexp_replace(reason,
        '^row \d+(, |: )', ''), '''.*''', '''…'''), ' in row \d+ of .*$', ' in an earlier row')
"""


@dataclass(frozen=True)
class QuarantineReason:
    """One kind of reason in one table.

    Attributes:
        reason: without the row number and the value.
        rows: rows refused for it; a row with several reasons counts for each.
        example: file and row of one of them, `file:row`.
        example_reason: its reason as it was given.
    """

    table: str
    reason: str
    rows: int
    example: str
    example_reason: str


def explain_quarantine(con: duckdb.DuckDBPyConnection) -> list[QuarantineReason]:
    """What is refused and not mended, by table and kind of reason, the most frequent first within a table."""
    return [QuarantineReason(table, *row) for table in TABLES for row in _reasons(con, table)]


def _reasons(con: duckdb.DuckDBPyConnection, table: str) -> list[tuple[str, int, str, str]]:
    return con.execute(f"""
        with given as (
            select source_file || ':' || source_row as place, unnest(reasons) as reason, source_file, source_row
            from quarantine.{table} where mended_at is null
        )
        select {GENERALISED} as kind, count(*) as rows,
            arg_min(place, (source_file, source_row)), arg_min(reason, (source_file, source_row))
        from given group by kind order by rows desc, kind
    """).fetchall()
