"""The summary at the end of `make run`, read from the published snapshot like any other reader would.

Belongs here: which figures a person sees first, in which order. How a table looks is
`orchestration.reports.summary_tables`; no figure is computed here that the warehouse does not hold.
"""

from collections.abc import Sequence

import duckdb
from rich.console import Console

from orchestration import snapshot
from orchestration.launching import Timing
from orchestration.reports import summary_tables
from orchestration.resources import Deployment

# Steps of the run, gathered into the layers a person thinks in.
LAYERS = {
    "definitions": "definitions",
    "source__files": "source",
    "land_raw_tables": "landing",
    "raw_expectations": "expectations",
    "dbt_warehouse": "warehouse (dbt)",
    "dbt_features": "features (dbt)",
    "models": "models",
    "predictions": "predictions",
    "watch_drift": "monitoring",
    "watch_performance": "monitoring",
    "model_monitoring": "monitoring",
    "published__snapshot": "publish",
    "features": "schema checks",
}


def print_summary(console: Console, deployment: Deployment, timings: Sequence[Timing], peak_megabytes: float) -> None:
    """Print landing, funnel, revenue, models, risks, forecast, times, and how to go on."""
    made = snapshot.current(deployment.published)
    if made is None:
        console.print("Nothing is published yet.")
        return
    path = made.path(deployment.published) / "analytics.duckdb"
    company = deployment.company
    with duckdb.connect(str(path), read_only=True) as connection:
        console.print()
        console.rule(f"[bold]{company.title}[/bold] · as of {made.as_of} · {company.currency}")
        for section in summary_tables.SECTIONS:
            section(console, connection)
    _print_times(console, timings)
    console.print(f"[bold]Peak memory[/bold] {peak_megabytes:,.0f} MB (largest process)", highlight=False)
    console.print(f"\nPublished version {made.version}: {made.path(deployment.published)}")
    console.print(f"Expectations of the raw tables: {deployment.data_docs / 'index.html'}", highlight=False)
    console.print(f"Look at it:  [bold]COMPANY={company.name} make ui[/bold]  (Dagster and MLflow on loopback)")


def layer_seconds(timings: Sequence[Timing]) -> dict[str, float]:
    """Seconds by layer, in the order of the run."""
    found: dict[str, float] = {}
    for timing in timings:
        layer = _layer(timing.step)
        found[layer] = found.get(layer, 0.0) + timing.seconds
    return found


def _layer(step: str) -> str:
    return next((layer for prefix, layer in LAYERS.items() if step == prefix or step.startswith(f"{prefix}__")), step)


def _print_times(console: Console, timings: Sequence[Timing]) -> None:
    parts = " · ".join(f"{layer} {seconds:.1f} s" for layer, seconds in layer_seconds(timings).items())
    total = sum(timing.seconds for timing in timings)
    console.print(f"\n[bold]Time[/bold] {total:.0f} s: {parts}", highlight=False)
