"""Commands that print what is known: `metrics`, `features`, `scenario`, `training-set`, `docs`.

Belongs here: handing the command line on to the reports' own modules, which `make` calls as well. Does not belong
here: the reports; a second implementation of any.
"""

import contextlib
import io
from collections.abc import Callable
from typing import Annotated

import typer

from orchestration.cli.options import given
from orchestration.cli.output import write_json
from orchestration.deployment.exit_codes import OK


def metrics() -> int:
    """Every metric: definition, owner, newest value; read from the published snapshot.

    Example: lifecycle metrics --company olist
    """
    from orchestration.metrics import metrics_report

    return _report(metrics_report.main)


def features() -> int:
    """Every feature: meaning, owner, freshness, missing values, drift.

    Example: lifecycle features
    """
    from orchestration.reports import features_report

    return _report(features_report.main)


Lever = Annotated[float | None, typer.Option(help="Change in per cent.")]


def scenario(
    churn: Lever = None,
    win: Lever = None,
    leads: Lever = None,
    name: Annotated[str | None, typer.Option(help="A named scenario of the company.")] = None,
) -> int:
    """Revenue under other churn, win rate or leads, beside the served forecast; without levers the named scenarios.

    Example: lifecycle scenario --churn=+10 --win=-5
    """
    from orchestration.reports import scenario as report

    levers = {"churn": churn, "win": win, "leads": leads, "name": name}
    chosen = [f"--{lever}={value}" for lever, value in levers.items() if value is not None]
    return _report(lambda: report.main(chosen))


def training_set(
    content_hash: Annotated[str | None, typer.Argument(metavar="[HASH]")] = None,
) -> int:
    """What the models learned from, and whether the warehouse still gives the same rows (2: it does not).

    Example: lifecycle training-set 3f2a9c
    """
    from orchestration.learning import training_sets

    return _report(lambda: training_sets.main([content_hash] if content_hash else []))


def docs() -> int:
    """Make dbt's documentation of the company's tables as one page; say where it and the Data Docs are.

    Example: lifecycle docs
    """
    from orchestration.reports import docs as report

    return _report(report.main)


def _report(report: Callable[[], int]) -> int:
    """Print a report of the company; with `--json` its lines as text."""
    from orchestration.environment import environment

    deployment = given().deployment
    printed = io.StringIO()
    apart = contextlib.redirect_stdout(printed) if given().is_json else contextlib.nullcontext()
    with environment(LIFECYCLE_COMPANY=deployment.company_name), apart:
        code = report()
    if given().is_json:
        lines = printed.getvalue().splitlines()
        why = {} if code == OK else {"error": " ".join(line.strip() for line in lines)}
        facts = {"company": deployment.company_name, "lines": lines}
        write_json({"ok": code == OK, "exit_code": code, **why, **facts})
    return code
