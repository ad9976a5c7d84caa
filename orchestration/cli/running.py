"""Commands that launch jobs: `run`, `land`, `refresh`, `train`, `score`, `forecast`, `publish`, `backfill`.

Belongs here: which jobs a command launches, for which months, and what it says afterwards. Does not belong here:
launching (`orchestration.launching`), what a job does (`orchestration.jobs`).
"""

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestration.cli.options import given, known_model, models
from orchestration.cli.output import note, tell

if TYPE_CHECKING:
    from rich.console import Console

    from orchestration.launching import JobRun, Launcher
    from orchestration.resources import Deployment
    from orchestration.runs.exclusive import Tell

Jobs = Callable[["Launcher"], object]
MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


def _month(text: str | None) -> str | None:
    if text is not None and not MONTH.fullmatch(text):
        message = f"'{text}' is no month; write for example 2025-03"
        raise typer.BadParameter(message)
    return text


Month = Annotated[
    str | None, typer.Option("--month", "-m", callback=_month, help="YYYY-MM; default: the newest month.")
]
Names = Annotated[list[str] | None, typer.Argument(metavar="[MODEL]...", autocompletion=models, callback=known_model)]


def run() -> int:
    """Make everything: land, transform, train, predict and publish; then print a summary.

    The same two jobs as `make run`: `rebuild` for all months, then `score_and_publish` for the newest.

    Example: lifecycle run --company olist
    """
    from orchestration import run as whole

    deployment = given().deployment
    note(deployment.company.title, style="bold")
    made = whole.run(deployment, is_quiet=given().is_quiet, wait=waiting())
    return _finished(deployment, made, with_summary=True)


def land() -> int:
    """Land the source: accept rows, quarantine what breaks the contract, keep versions. Job `land_source`.

    Example: lifecycle land --json
    """
    return _launched(lambda launcher: launcher.execute("land_source"))


def refresh() -> int:
    """Land, rebuild staging to marts, and the features of all months. Job `refresh_features`.

    Example: lifecycle refresh --quiet
    """

    def jobs(launcher: "Launcher") -> None:
        from orchestration.launching import months

        known = months(launcher.deployment)
        launcher.execute("refresh_features", known[0], known[-1])

    return _launched(jobs)


def train(names: Names = None) -> int:
    """Train models, compare them with their baselines, judge and register them. Job `train_models`.

    A candidate that misses a gate is no failure: it is registered and not served (see `lifecycle status`).

    Example: lifecycle train churn clv
    """
    assets = [f"models/{name}" for name in names or ()]
    return _launched(lambda launcher: launcher.execute("train_models", assets=assets))


def score(month: Month = None) -> int:
    """Predict one month with the champions, watch what became of older predictions, publish. Job `score_and_publish`.

    Example: lifecycle score --month 2025-03
    """
    return _launched(lambda launcher: launcher.execute("score_and_publish", _chosen(launcher, month)))


def forecast(month: Month = None) -> int:
    """Train the revenue forecast, make that of one month, publish. Job `forecast_revenue`.

    Example: lifecycle forecast
    """
    return _launched(lambda launcher: launcher.execute("forecast_revenue", _chosen(launcher, month)))


def publish() -> int:
    """Publish a new snapshot of what the warehouse holds. Job `publish_snapshot`.

    Example: lifecycle publish
    """
    return _launched(lambda launcher: launcher.execute("publish_snapshot"))


def backfill(
    first: Annotated[str, typer.Option("--from", callback=_month, help="First month, YYYY-MM.")],
    last: Annotated[str, typer.Option("--to", callback=_month, help="Last month, YYYY-MM.")],
) -> int:
    """Make features and predictions of a range of months anew, each as it was known then, and publish.

    One run of `build_features` and one of `score_and_publish`, however long the range. The ledger of predictions is
    append-only: what was said before stays.

    Example: lifecycle backfill --from 2024-01 --to 2024-12
    """
    if first > last:
        message = f"{first} is after {last}"
        raise typer.BadParameter(message, param_hint="--from")

    def jobs(launcher: "Launcher") -> None:
        ends = [_chosen(launcher, month) for month in (first, last)]
        for job in ("build_features", "score_and_publish"):
            launcher.execute(job, *ends)

    return _launched(jobs)


def _chosen(launcher: "Launcher", month: str | None) -> str:
    from orchestration.launching import known_month, newest_month

    return known_month(launcher.deployment, month) if month else newest_month(launcher.deployment)


def waiting() -> "Tell | None":
    """What tells whom a command waits for; None where it shall not wait."""
    from orchestration.launching import tell_waiting

    return None if given().is_impatient else tell_waiting


def _launched(jobs: Jobs) -> int:
    from orchestration.launching import launching

    deployment = given().deployment
    note(deployment.company.title, style="bold")
    with launching(deployment, is_quiet=given().is_quiet, wait=waiting()) as launcher:
        jobs(launcher)
    return _finished(deployment, launcher)


def _finished(deployment: "Deployment", launcher: "Launcher", *, with_summary: bool = False) -> int:
    from orchestration.launching import peak_megabytes
    from orchestration.reports.summary import print_summary

    def show(console: "Console") -> None:
        if with_summary:
            print_summary(console, deployment, launcher.timings, peak_megabytes())
            return
        for made in launcher.runs:
            console.print(_line(made), markup=False)

    facts = {
        "company": deployment.company_name,
        "seconds": round(sum(timing.seconds for timing in launcher.timings), 1),
        "peak_megabytes": round(peak_megabytes()),
        "runs": [_facts(made) for made in launcher.runs],
        "snapshot": _snapshot(deployment),
    }
    return tell(facts, show)


def _line(made: "JobRun") -> str:
    span = f" {' to '.join(made.months)}" if made.months else ""
    failing = f"; {len(made.failing_checks)} warnings of checks" if made.failing_checks else ""
    return f"✓ {made.job}{span} in {made.seconds:.0f} s{failing} (run {made.run_id[:8]})"


def _facts(made: "JobRun") -> Mapping[str, Any]:
    return {
        "job": made.job,
        "run_id": made.run_id,
        "months": list(made.months),
        "seconds": round(made.seconds, 1),
        "failing_checks": [vars(check) for check in made.failing_checks],
    }


def _snapshot(deployment: "Deployment") -> str | None:
    """Version that readers are on now."""
    from orchestration import snapshot

    made = snapshot.current(deployment.published)
    return made.version if made else None
