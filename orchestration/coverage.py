"""How far a company's data reach, and which months that makes: known to a run, and told to schedules and sensors.

A run reads the observation window from the warehouse and leaves it as metadata of its asset. Schedules and sensors read
it from there: they run in the code server, where an open warehouse would meet the lock of a run under way.
Does not belong here: what a partition is (`orchestration.partitions`), what happens with the months.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import dagster as dg
import duckdb

from companies.settings import Company
from orchestration.partitions import monthly_as_of
from orchestration.resources import Deployment

WINDOW = "int_observation_window"
LAST_AS_OF = "last_as_of"


def metadata(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """The last day the data cover and the last month end they cover, for the asset of the observation window."""
    rows = connection.execute(f"select data_until, last_as_of from intermediate.{WINDOW}").fetchall()  # noqa: S608
    named = zip(("data_until", LAST_AS_OF), rows[0] if rows else (), strict=False)
    return {name: day.isoformat() for name, day in named if day is not None}


def complete_months(company: Company, at: datetime | None = None) -> Sequence[str]:
    """The months that are over at an instant (now without one), the oldest first; none after the company's last day."""
    return monthly_as_of(company).get_partition_keys(current_time=at)


def all_months(company: Company, at: datetime | None = None) -> Mapping[str, str] | None:
    """Run tags that let one run cover every complete month; None while no month is complete."""
    months = complete_months(company, at)
    return one_run(months[0], months[-1]) if months else None


def one_run(first: str, last: str) -> Mapping[str, str]:
    """Run tags that let one run cover the months from the first to the last."""
    return {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}


def newest_month(company: Company, last_as_of: str | None) -> str:
    """The last month that the data cover to its end; the company's first where they cover none."""
    return _covered_month(company, last_as_of) or complete_months(company)[0]


def newest_covered_month(instance: dg.DagsterInstance, deployment: Deployment) -> str | None:
    """The last month that the newest build of the warehouse covered to its end; None where none is on record."""
    event = instance.get_latest_materialization_event(deployment.asset_key("intermediate", WINDOW))
    found = event.asset_materialization if event else None
    last = found.metadata.get(LAST_AS_OF) if found else None
    return _covered_month(deployment.company, str(last.value) if last else None)


def _covered_month(company: Company, last_as_of: str | None) -> str | None:
    last = (last_as_of or "")[:7]
    return max((month for month in complete_months(company) if month <= last), default=None)
