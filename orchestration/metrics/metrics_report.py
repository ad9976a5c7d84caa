"""`make metrics`: every metric with its definition and its newest values, from the published snapshot.

Belongs here: laying definitions and values out for a terminal. Does not belong here: computing either
(`orchestration.metrics.metric_layer`).
"""

import sys

import duckdb
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from companies.settings import CompanyError
from orchestration import snapshot
from orchestration.metrics import metric_values
from orchestration.resources import deployment_from_environment
from orchestration.runs.progress import wide_console

DEFINITIONS = (
    "select metric, label, description, formula, grain, dimensions, unit, owner, caveat, version "
    "from metric_definitions order by metric"
)


def main() -> int:
    """Print the metrics of the company that the environment names; returns the exit code."""
    console = wide_console()
    try:
        deployment = deployment_from_environment()
        title = deployment.company.title
    except CompanyError as error:
        console.print(escape(str(error)), style="red", highlight=False)
        return 2
    made = snapshot.current(deployment.published)
    if made is None:
        console.print(f"Nothing is published for {title} yet; run it first: make run")
        return 1
    path = made.path(deployment.published) / "analytics.duckdb"
    with duckdb.connect(str(path), read_only=True) as connection:
        if not _has_metrics(connection):
            console.print(f"Version {made.version} of {title} was published without metrics; run it again: make run")
            return 1
        console.rule(f"[bold]{escape(title)}[/bold] · metrics as of {made.as_of} · {deployment.company.currency}")
        print_metrics(console, connection)
    return 0


def _has_metrics(connection: duckdb.DuckDBPyConnection) -> bool:
    """A version that was published before there were metrics has none."""
    found = {name for (name,) in connection.execute("select table_name from duckdb_tables()").fetchall()}
    return {"metric_definitions", "metric_values"} <= found


def print_metrics(console: Console, connection: duckdb.DuckDBPyConnection) -> None:
    """Print each metric: its newest complete month beside the same month a year earlier, and what it means."""
    newest = metric_values.newest(connection, schema="")
    for metric, label, description, formula, grain, dimensions, unit, owner, caveat, version in connection.execute(
        DEFINITIONS
    ).fetchall():
        console.print(f"\n[bold]{metric}[/bold]  {escape(label)}  {_newest(newest.get(metric), unit)}", highlight=False)
        about = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2))
        about.add_column(style="dim")
        about.add_column()
        by = ", ".join(name.split("__")[-1] for name in dimensions) or "none"
        for heading, text in (
            ("means", description),
            ("formula", formula),
            ("grain", f"{grain}; dimensions: {by}"),
            ("caveat", caveat),
            ("owner", f"{owner}; version {version}"),
        ):
            about.add_row(f"  {heading}", escape(text))
        console.print(about, highlight=False)


def _newest(found: metric_values.Newest | None, unit: str) -> str:
    """The newest value and the one a year before; a metric that only exists by dimension has none."""
    if found is None:
        return "(no value for the company as a whole)"
    month, value, before = found
    year_ago = f", a year before {as_text(before, unit)}" if before is not None else ""
    return f"{month:%Y-%m}: [cyan]{as_text(value, unit)}[/cyan]{year_ago}"


def as_text(value: object, unit: str) -> str:
    """A value as people write it in its unit."""
    if not isinstance(value, (int, float)):
        return "–"
    forms = {"money": ",.2f", "ratio": ".1%", "count": ",.0f", "points": "+.1f", "score": ",.1f"}
    return format(value, forms[unit]) if unit in forms else f"{value:,.1f} {unit}"


if __name__ == "__main__":
    sys.exit(main())
