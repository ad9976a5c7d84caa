"""`make scenario CHURN=+10 WIN=-5 LEADS=+20`: the served revenue forecast beside what it would be under other levers.

Without levers every named scenario of the company is shown. The champion's stored drivers answer: nothing is trained
or written. Belongs here: reading the command line, laying months and parts out for a terminal. Does not belong
here: what a lever does (`ml.models.revenue_drivers`), the named scenarios (`companies.scenarios`).
"""

import argparse
import sys
from collections.abc import Mapping, Sequence

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from companies.scenarios import Scenario
from companies.settings import CompanyError
from orchestration.resources import Deployment, deployment_from_environment
from orchestration.runs.progress import wide_console

PARTS = {
    "base_retained": "base retained",
    "expansion": "expansion",
    "pipeline": "pipeline",
    "new_business": "new business",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print base and scenario by month; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m orchestration.reports.scenario", description=__doc__)
    for lever in Scenario.model_fields:
        parser.add_argument(f"--{lever}", type=float, help="relative change in per cent, for example +10")
    parser.add_argument("--name", help="a named scenario of the company")
    given = vars(parser.parse_args(arguments))
    console = wide_console()
    try:
        deployment = deployment_from_environment()
        chosen = chosen_scenarios(given, deployment.company.scenarios)
    except (CompanyError, ValueError) as error:
        console.print(escape(str(error)), style="red", highlight=False)
        return 2
    return _print(console, deployment, chosen)


def chosen_scenarios(given: Mapping[str, float | str | None], named: Mapping[str, Scenario]) -> Mapping[str, Scenario]:
    """The scenario of the command line, or the named one, or all named ones.

    Raises:
        ValueError: the name is unknown, or a lever is out of range.
    """
    levers = {lever: given[lever] for lever in Scenario.model_fields if given.get(lever) is not None}
    if levers:
        return {"asked for": Scenario.model_validate(levers)}
    name = given.get("name")
    if name is None:
        return named
    if name not in named:
        msg = f"no scenario {name!r}; known: {', '.join(named)}"
        raise ValueError(msg)
    return {str(name): named[str(name)]}


def _print(console: Console, deployment: Deployment, chosen: Mapping[str, Scenario]) -> int:
    from ml import registry
    from ml.models.revenue_drivers import Levers
    from ml.models.revenue_forecast import RevenueForecast
    from ml.models.revenue_scenario import NoDriversError, comparison
    from ml.registrations import RegistryError

    forecast: RevenueForecast
    try:
        forecast, version = registry.load_champion(deployment.model_store(), "revenue")
        for name, scenario in chosen.items():
            levers = Levers(**{lever: value / 100 for lever, value in scenario.model_dump().items()})
            console.print(f"\n[bold]{escape(name)}[/bold]: {_levers(scenario)}", highlight=False)
            console.print(_table(comparison(forecast, levers), deployment.company.currency))
    except (RegistryError, NoDriversError) as error:
        console.print(escape(str(error)), style="red", highlight=False)
        return 1
    console.print(
        f"\nRelative to version {version.version} of the forecast ({version.status}), made from {forecast.origin}. What"
        " the view from below says of the levers is applied to the served forecast in proportion.",
        highlight=False,
    )
    return 0


def _levers(scenario: Scenario) -> str:
    return ", ".join(f"{lever} {value:+g} %" for lever, value in scenario.model_dump().items())


def _table(rows: pd.DataFrame, currency: str) -> Table:
    table = Table(header_style="dim", box=None, pad_edge=False)
    for heading in ("month", f"base {currency}", "scenario", "difference", *(f"by {word}" for word in PARTS.values())):
        table.add_column(heading, justify="left" if heading == "month" else "right")
    for row in rows.to_dict("records"):
        signed = (f"{row[name]:+,.0f}" for name in ("difference", *PARTS))
        table.add_row(f"{row['month']:%Y-%m}", f"{row['base']:,.0f}", f"{row['scenario']:,.0f}", *signed)
    return table


if __name__ == "__main__":
    sys.exit(main())
