"""`python -m ingestion.simulator --accounts N --out FOLDER`: make a simulated company of any size.

Belongs here: reading the command line. Does not belong here: anything else.
"""

from pathlib import Path
from typing import Annotated

import typer

from ingestion.simulator.run import SimulationReport, simulate
from ingestion.simulator.settings import SimulatorSettings


def main(
    out: Annotated[Path, typer.Option(help="Folder that gets `source/` and `truth/`.")],
    accounts: Annotated[int, typer.Option(help="Companies with an account record.")] = 1200,
    months: Annotated[int, typer.Option(help="Calendar months from January 2023.")] = 36,
    seed: Annotated[int, typer.Option(help="Equal seeds give equal files.")] = 20230101,
    messiness: Annotated[float, typer.Option(help="Share of rows that each kind of fault strikes.")] = 0.02,
) -> None:
    """Write the simulated company and print its rows by table."""
    settings = SimulatorSettings(seed=seed, accounts=accounts, months=months, messiness=messiness)
    report = simulate(settings, out / "source", out / "truth", progress=lambda text: typer.echo(text, err=True))
    typer.echo(_table(report), nl=False)


def _table(report: SimulationReport) -> str:
    """Rows by table, and the time it took."""
    lines = [f"{name:<20} {rows:>12,}" for name, rows in {**report.source_rows, **report.truth_rows}.items()]
    return "\n".join([*lines, f"{report.seconds:.1f} s{'' if report.written else ' (unchanged)'}"]) + "\n"


if __name__ == "__main__":
    typer.run(main)
