"""`make features`: every feature of a company with what it means and how fresh, complete and stable it is.

Belongs here: laying declarations and figures out for a terminal. Does not belong here: the figures
(`orchestration.looks.feature_figures`) or the page of the declarations (`orchestration.reports.features_page`).
"""

import sys

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from companies.settings import CompanyError
from feature_definitions import registry
from ml.drift import Shift
from orchestration.learning import frames
from orchestration.looks import feature_figures
from orchestration.looks.feature_figures import ColumnFigures, ViewFigures
from orchestration.resources import WarehouseHeldError, deployment_from_environment
from orchestration.runs.progress import wide_console

# The usual reading of a population stability index; a shift within its noise is none.
MOVED, SHIFTED = 0.1, 0.25
LEGEND = (
    "missing: share of rows without a value in the newest month (in the twelve months before). "
    "drift: population stability index of the newest month against the twelve months before; moved above 0.1, "
    "shifted above 0.25, both only beyond what chance makes of it (99 %, in brackets)."
)


def main() -> int:
    """Print the features of the company that the environment names; returns the exit code."""
    console = wide_console()
    try:
        deployment = deployment_from_environment()
        title = deployment.company.title
    except CompanyError as error:
        console.print(escape(str(error)), style="red", highlight=False)
        return 2
    if not deployment.warehouse_path.exists():
        console.print(f"There is no warehouse of {title} yet; run it first: make run")
        return 1
    try:
        with deployment.warehouse(read_only=True) as connection:
            found = feature_figures.figures_of(connection, registry.VIEWS)
            until = frames.data_until(connection) if found else None
    except WarehouseHeldError as error:
        console.print(escape(str(error)), style="red", highlight=False)
        return 1
    if not found:
        console.print(f"No feature table of {title} is built yet; run it first: make run")
        return 1
    console.rule(f"[bold]{escape(title)}[/bold] · features, data until {until}")
    print_features(console, found)
    return 0


def print_features(console: Console, found: list[ViewFigures]) -> None:
    """Print each view: its keeper and freshness, then a line per feature."""
    for figures in found:
        view = figures.view
        entity = registry.entity_of(view).name
        console.print(
            f"\n[bold]{view.name}[/bold]  {entity}; {view.owner}; version {view.version}; {_freshness(figures)}",
            highlight=False,
        )
        console.print(_columns(figures), highlight=False)
    console.print(f"\n[dim]{LEGEND}[/dim]", highlight=False)


def _freshness(figures: ViewFigures) -> str:
    if figures.newest is None:
        return "no rows"
    lag = f"{figures.lag_days} days before the data end, max age {figures.view.max_age.days}"
    said = f"{figures.rows:,} rows, {figures.entities:,} entities; newest {figures.newest}, {lag}"
    drawn = f"; figures of {figures.sampled:.0%} of the entities" if figures.sampled < 1 else ""
    return f"{said}{drawn}" + ("; [red]too old to be used[/red]" if figures.is_stale else "")


def _columns(figures: ViewFigures) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2), header_style="dim")
    for heading in ("  feature", "kind", "unit"):
        table.add_column(heading, no_wrap=True)
    for heading in ("missing", "(before)", "drift", "(chance)"):
        table.add_column(heading, justify="right", no_wrap=True)
    for heading in ("", "means"):
        table.add_column(heading)
    for one in figures.columns:
        table.add_row(*_row(one))
    return table


def _row(one: ColumnFigures) -> tuple[str, ...]:
    column = one.column
    hidden = "[magenta]post_contact[/magenta] " if column.availability == "post_contact" else ""
    return (
        f"  {column.name}",
        column.kind,
        column.unit,
        _share(one.missing),
        f"({_share(one.missing_before)})",
        *_drift(one.shift),
        hidden + escape(column.description),
    )


def _share(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}"


def _drift(shift: Shift | None) -> tuple[str, str, str]:
    """Index, its noise, and what a person should read it as."""
    if shift is None:
        return "–", "", ""
    return f"{shift.psi:.2f}", f"({shift.psi_noise:.2f})", reading(shift)


def reading(shift: Shift) -> str:
    """`shifted`, `moved`, or nothing where the index is small or within its noise."""
    if shift.psi <= max(MOVED, shift.psi_noise):
        return ""
    return "[red]shifted[/red]" if shift.psi > SHIFTED else "[yellow]moved[/yellow]"


if __name__ == "__main__":
    sys.exit(main())
