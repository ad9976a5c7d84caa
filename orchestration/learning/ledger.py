"""The prediction ledger: append-only tables of everything ever predicted, with as_of and model version.

Belongs here: appending rows once, and views of the newest statement. A row is never changed or deleted: if the same
model says something else for the same entity and as_of (because late data changed the features), that is a new row, and
so is what a model says again after another one spoke. The newest statement is of a version that people do not refuse
(`models.reviews`). Does not belong here: predicting.
"""

from collections.abc import Sequence
from datetime import datetime

import duckdb
import pandas as pd

from orchestration.learning import records

SCHEMA = "predictions"
# What was decided last about a version counts; who moved an alias said nothing about it.
REFUSED = (
    "select version from models.reviews where model = '{}' and decision not in ('alias_moved', 'alias_removed') "
    "group by version having arg_max(decision, decided_at) in ('rejected', 'rolled_back')"
)
STAMPS = ("model_version", "status", "run_id", "made_at")


def append(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    frame: pd.DataFrame,
    *,
    keys: Sequence[str],
    model_version: str,
    status: str,
    run_id: str,
    made_at: datetime,
) -> int:
    """Append the predictions that say something new; returns how many rows were appended.

    Args:
        frame: one row per key; every column is kept as it is.
        keys: columns that identify what is predicted (for example account_id, as_of).
        status: `validated` for a model that passed its gates, `fallback` for a shrunken baseline.

    Raises:
        ValueError: two rows of the frame have the same key.
    """
    if frame.duplicated(list(keys)).any():
        msg = f"{SCHEMA}.{table}: the predictions have two rows for one key ({', '.join(keys)})"
        raise ValueError(msg)
    if frame.empty:
        return 0
    # A column of texts that are all null has no type of its own; the ledger's table needs one from the start.
    texts = {name: frame[name].astype("string") for name in frame.columns if frame[name].dtype == object}
    stamped = frame.assign(**texts, model_version=model_version, status=status, run_id=run_id, made_at=made_at)
    connection.register("new_predictions", stamped)
    try:
        _create(connection, table, keys)
        return _insert(connection, table, keys, said=[name for name in frame.columns if name not in keys])
    finally:
        connection.unregister("new_predictions")


def tables(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Names of the ledger's tables."""
    rows = connection.execute(
        "select table_name from information_schema.tables where table_schema = ? and table_type = 'BASE TABLE' "
        "order by table_name",
        [SCHEMA],
    ).fetchall()
    return [name for (name,) in rows]


def _create(connection: duckdb.DuckDBPyConnection, table: str, keys: Sequence[str]) -> None:
    name = f'{SCHEMA}."{table}"'
    partition = ", ".join(f'"{key}"' for key in keys)
    records.create(connection)
    connection.execute(f"create schema if not exists {SCHEMA}")
    connection.execute(f"create table if not exists {name} as from new_predictions limit 0")
    # A model may say more than the fallback before it.
    for column, kind, *_ in connection.execute("describe new_predictions").fetchall():
        connection.execute(f'alter table {name} add column if not exists "{column}" {kind}')
    connection.execute(
        f'create or replace view {SCHEMA}."{table}_latest" as '  # noqa: S608 - names from our own code
        f"select * exclude (statement) from (select *, row_number() over "
        f"(partition by {partition} order by made_at desc, model_version desc) as statement from {name} "
        f"where model_version not in ({REFUSED.format(table)})) where statement = 1"
    )


def _insert(connection: duckdb.DuckDBPyConnection, table: str, keys: Sequence[str], said: Sequence[str]) -> int:
    """Insert what differs from the newest statement about the same key: in its words, or in who says them.

    Who spoke before and speaks again after another version would otherwise leave the other's statement the newest one.
    """
    name = f'{SCHEMA}."{table}"'
    partition = ", ".join(f'"{key}"' for key in keys)
    same = " and ".join(f'old."{name}" is not distinct from new."{name}"' for name in (*keys, *said, "model_version"))
    columns = ", ".join(f'"{column}"' for column in [*keys, *said, *STAMPS])
    # A new statement comes after every older one about the same, also where the machine's clock went back.
    known = " and ".join(f'old."{key}" is not distinct from new."{key}"' for key in keys)
    last = (
        f"select max(made_at) + interval 1 microsecond from {name} as old semi join new_predictions as new on {known}"  # noqa: S608
    )
    rows = connection.execute(
        f"insert into {name} ({columns}) select {columns} from ("  # noqa: S608
        f"select * replace (greatest(made_at, ({last})) as made_at) from new_predictions) as new where not exists ("
        f"select 1 from (select *, row_number() over (partition by {partition} order by made_at desc) as statement "
        f"from {name}) as old where old.statement = 1 and {same}) returning 1"
    ).fetchall()
    return len(rows)
