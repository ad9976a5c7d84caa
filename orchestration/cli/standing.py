"""The command `status`: how a company stands, also while a run is under way.

Belongs here: laying the facts out for a terminal. Does not belong here: the facts (`orchestration.standing`).
"""

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from orchestration.cli.options import given
from orchestration.cli.output import tell

if TYPE_CHECKING:
    from rich.console import Console

    from orchestration.standing import ModelStanding, Standing

COLOURS = {"SUCCESS": "green", "FAILURE": "red", "CANCELED": "yellow"}
CHECKS_SHOWN = 12


def status() -> int:
    """How the company stands: last runs, snapshot, champions, failing checks, freshness, queue, next ticks.

    Reads no warehouse, so it works while a run is under way and never holds one up.

    Example: lifecycle status --json
    """
    from orchestration.standing import standing

    deployment = given().deployment
    found = standing(deployment)
    return tell(asdict(found), lambda console: _show(console, deployment.company.title, found))


def _show(console: "Console", title: str, found: "Standing") -> None:
    console.rule(f"[bold]{escape(title)}[/bold]")
    made = found.snapshot
    readers = f"version {made.version}, as of {made.as_of}, {_age(made.age_hours)} old" if made else "nothing yet"
    console.print(f"[bold]Readers see[/bold] {readers}")
    if found.holder is not None:
        console.print(f"[bold]Held by[/bold] {found.holder}", style="yellow")
    for run in found.queue:
        console.print(f"[bold]{run.status.lower()}[/bold] {run.job} since {_moment(run.since)} (run {run.run_id[:8]})")
    if not found.jobs:
        console.print("No job has run yet: lifecycle run")
        return
    for section in (_jobs, _models, _checks, _tables):
        section(console, found)
    _comes(console, found)


def _jobs(console: "Console", found: "Standing") -> None:
    table = _table("Last runs", "job", "result", "started", "took")
    for job in found.jobs:
        colour = COLOURS.get(job.status, "blue")
        took = "" if job.seconds is None else f"{job.seconds:,.0f} s"
        started = _moment(job.started_at) if job.started_at else ""
        table.add_row(job.job, f"[{colour}]{job.status.lower()}[/{colour}]", started, took)
    console.print(table)
    for job in found.jobs:
        if job.why:
            console.print(f"  {job.job}: {job.why}", style="red", markup=False)


def _models(console: "Console", found: "Standing") -> None:
    if not found.models:
        return
    table = _table("Models", "model", "served", "status", "headline", "")
    for model in found.models:
        waits = f"version {model.awaiting_review} awaits review" if model.awaiting_review else ""
        served = f"version {model.version}" if model.version else "none"
        table.add_row(model.model, served, model.status or "", _headline(model), f"[yellow]{waits}[/yellow]")
    console.print(table)


def _headline(model: "ModelStanding") -> str:
    told = model.headline
    if told is None:
        return ""
    interval = f" [{told.lower:.3f}, {told.upper:.3f}]" if told.lower is not None and told.upper is not None else ""
    base = f", base rate {told.base_rate:.1%}" if told.base_rate is not None else ""
    return escape(f"{told.metric} {told.value:.3f}{interval}{base}")


def _checks(console: "Console", found: "Standing") -> None:
    if not found.failing_checks:
        console.print("\n[green]Every check holds.[/green]")
        return
    table = _table(f"{len(found.failing_checks)} checks do not hold", "asset", "check", "severity", "why")
    for check in sorted(found.failing_checks, key=lambda check: check.severity)[:CHECKS_SHOWN]:
        colour = "red" if check.severity == "ERROR" else "yellow"
        severity = f"[{colour}]{check.severity.lower()}[/{colour}]"
        table.add_row(check.asset, check.check, severity, escape(check.reason))
    console.print(table)
    if len(found.failing_checks) > CHECKS_SHOWN:
        console.print(f"  and {len(found.failing_checks) - CHECKS_SHOWN} more: lifecycle status --json")


def _tables(console: "Console", found: "Standing") -> None:
    table = _table("Landed", "table", "last landing", "rows")
    for landed in found.tables:
        table.add_row(landed.table, _moment(landed.landed_at), "" if landed.rows is None else f"{landed.rows:,}")
    console.print(table)


def _comes(console: "Console", found: "Standing") -> None:
    if not found.next_ticks:
        seen = f"last seen {_moment(found.daemon_seen_at)}" if found.daemon_seen_at else "which never ran here"
        console.print(f"\nNothing starts by itself: that needs a daemon ({seen}) and a schedule or sensor switched on.")
        return
    table = _table("Starts by itself", "name", "kind", "next")
    for tick in found.next_ticks:
        table.add_row(tick.name, tick.kind, _moment(tick.next_at) if tick.next_at else "when something arrives")
    console.print(table)


def _table(title: str, *headings: str) -> Table:
    table = Table(title=f"\n[bold]{title}[/bold]", title_justify="left", header_style="dim", box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, justify="right" if heading in ("took", "rows") else "left")
    return table


def _moment(moment: datetime) -> str:
    """In the time of this machine, as the UI shows it."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"


def _age(hours: float) -> str:
    if hours < 1:
        return f"{hours * 60:.0f} minutes"
    return f"{hours:.0f} hours" if hours < 48 else f"{hours / 24:.0f} days"
