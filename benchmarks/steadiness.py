"""What readers see of a company while it is disturbed, and whether two states of it say the same.

Belongs here: reading and comparing. Does not belong here: disturbing (`benchmarks.kills`).
"""

import threading
from dataclasses import dataclass, field

import duckdb
import pandas as pd

from orchestration import snapshot
from orchestration.resources import Deployment
from tests.runs import OF_THE_RUN, RECORDS, content

# Which training made a row is not what it says: a training that was killed is made again under the next number.
NAMES = OF_THE_RUN | {"candidate_version", "champion_version", "model_version", "version", "known_at", "source_row"}


@dataclass
class Reader:
    """Reads the published snapshot again and again, as an application does."""

    deployment: Deployment
    reads: int = 0
    failures: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Read until told to stop."""
        while not self.stop.wait(0.2):
            try:
                made = published(self.deployment)
                path = made.path(self.deployment.published) / "analytics.duckdb"
                with duckdb.connect(str(path), read_only=True) as connection:
                    rows = connection.execute("select count(*) from dim_accounts").fetchall()[0][0]
            except (OSError, RuntimeError, ValueError, duckdb.Error) as error:
                self.failures.append(repr(error))
                continue
            self.reads += 1
            self.seen.add(made.version if rows == made.rows["dim_accounts"] else "other rows than were published")


def published(deployment: Deployment) -> snapshot.Snapshot:
    """The version that readers are on.

    Raises:
        RuntimeError: there is none.
    """
    made = snapshot.current(deployment.published)
    if made is None:
        msg = "nothing is published"
        raise RuntimeError(msg)
    return made


def tables(deployment: Deployment) -> dict[str, pd.DataFrame]:
    """Every table of the warehouse and of the published snapshot, without the names and times of runs."""
    published = {f"published {name}": frame for name, frame in content(deployment, records=False).items()}
    with deployment.warehouse(read_only=True) as connection:
        rows = connection.execute("select schema_name, table_name from duckdb_tables()").fetchall()
        found = {
            f"{schema}.{name}": connection.table(f'"{schema}"."{name}"').df()
            for schema, name in rows
            if name not in RECORDS
        }
    return {name: _without_names(frame) for name, frame in (found | published).items()}


def _without_names(frame: pd.DataFrame) -> pd.DataFrame:
    kept = frame[[name for name in frame.columns if name not in NAMES]]
    if kept.empty:
        return kept
    return kept.iloc[kept.astype(str).agg("|".join, axis=1).argsort()].reset_index(drop=True)


def difference(found: dict[str, pd.DataFrame], expected: dict[str, pd.DataFrame]) -> str:
    """`yes`, or the tables that differ and in what."""
    said = [
        f"{name} ({_in_what(found.get(name), expected.get(name))})" for name in sorted(expected.keys() | found.keys())
    ]
    differing = [one for one in said if not one.endswith(" ()")]
    return f"NO: {', '.join(differing)}" if differing else "yes"


def _in_what(found: pd.DataFrame | None, expected: pd.DataFrame | None) -> str:
    """What differs: the table, its columns, its number of rows, or values of some columns; empty where nothing does."""
    if found is None or expected is None:
        return "is missing" if found is None else "is not expected"
    if list(found.columns) != list(expected.columns):
        return "columns"
    if len(found) != len(expected):
        return f"{len(found)} rows, not {len(expected)}"
    return ", ".join(str(name) for name in found.columns if not found[name].equals(expected[name]))
