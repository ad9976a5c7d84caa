"""Seven simulated mornings of a company that runs by itself, back to back, against one clean build from all files.

The schedules and sensors are evaluated as the daemon would and the runs they ask for executed in this process. In the
week there are late, corrected, refused and repeated rows, a day without a file, a broken file that is mended, and a
training in the middle. The clean build gets the week's registry (it follows from trainings, not from files), builds
everything from all files at once and scores the same months in one run.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Collection, Sequence
from datetime import date
from pathlib import Path

import pandas as pd

from benchmarks.pages import Page, table
from orchestration.coverage import all_months
from tests import growing_company
from tests.clean_build import OF_THE_LANDING, build_anew, compared, everything
from tests.daily_ticks import Days, Tick, days_of
from tests.growing_company import BROKEN, FIRST_DELIVERY, MORNINGS
from tests.runs import OF_THE_RUN, kept_environment

COMMAND = "python -m benchmarks.week_of_ticks --write"
BROUGHT = {
    MORNINGS[0]: "new rows",
    MORNINGS[1]: "a corrected account; a usage row with a text for a number (refused)",
    MORNINGS[2]: "eight usage rows four weeks late",
    MORNINGS[3]: "a late lead; the account corrected again; the refused row in order; a file sent twice",
    MORNINGS[4]: "no file",
    MORNINGS[5]: "two days' files; one with another column name (broken), mended at 09:00",
    MORNINGS[6]: "new rows",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the week and compare; the exit code says whether the end is equal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=12)
    parser.add_argument("--leads", type=int, default=20)
    parser.add_argument("--write", action="store_true", help="write the page under docs/results")
    chosen = parser.parse_args(arguments)
    started = time.monotonic()
    with kept_environment(), tempfile.TemporaryDirectory() as folder:
        ticks, found = play(Path(folder), chosen.accounts, chosen.leads)
    page = page_of(ticks, found, time.monotonic() - started)
    print(page.text())
    if chosen.write:
        page.write()
    return int(bool(found["unexplained"].sum()))


def play(folder: Path, accounts: int, leads: int) -> tuple[list[Tick], pd.DataFrame]:
    """The week's ticks, and the comparison of its end with the clean build, a row per table."""
    deployment = growing_company.deploy(folder, accounts=accounts, leads=leads)
    with days_of(deployment, folder / "instance") as days:
        first = all_months(deployment.company, days.local(FIRST_DELIVERY, 5)) or {}
        for job, tags in (("refresh_features", first), ("train_models", {})):
            days.must(job, tags)
        for morning in MORNINGS:
            growing_company.deliver(deployment, morning, accounts=accounts, leads=leads)
            _day(days, morning)
            print(f"{morning} done", file=sys.stderr)
        last = days.local(MORNINGS[-1], 5)
    week = everything(deployment)
    clean = build_anew(deployment, folder / "week", last, ["2024-05", "2024-06"], looks_back=True)
    return days.ticks, compared(week, clean)


def _day(days: Days, morning: date) -> None:
    days.morning(morning)
    if morning == BROKEN:
        growing_company.mend(days.deployment)
        refreshed = days.look(days.local(morning, 9))
        if refreshed is not None:
            days.follow(refreshed, days.local(morning, 9))
    if morning.weekday() == 6:
        days.training(morning)


def page_of(ticks: Sequence[Tick], found: pd.DataFrame, seconds: float) -> Page:
    """The week as a page."""
    unexplained = found[found["unexplained"] > 0]
    checks = [tick.milliseconds for tick in ticks if tick.milliseconds]
    equal = int((found["differing"] == 0).sum())
    outcome = (
        f"After a week of ticks {equal} of {len(found)} tables, raw and published, equal those of one clean build, "
        f"{len(found) - equal - len(unexplained)} differ by what the week did besides (named below), "
        f"{len(unexplained)} by something else."
    )
    differing = found[found["differing"] > 0].drop(columns="unexplained")
    return Page(
        name="week_of_ticks",
        title="A week of ticks",
        outcome=outcome,
        command=COMMAND,
        seed=11,
        seconds=seconds,
        blocks=[
            "## The week\n\nTimes are the company's. Evaluation is the CPU time of the tick alone, run that of the run "
            f"that it asked for, dbt's processes included. An evaluation took {max(checks):.0f} ms at most.",
            table(_ticks_as_frame(ticks), 1),
            "Wall time is that of a machine busy with other work; the CPU times are the runs' own.",
            "## What differs from the clean build\n\nIt gets the week's registry and training records, which "
            "no file brings; all else is made anew, the predictions of both months in one run, and what looks back at "
            "statements after them.\n\n" + (table(differing, 0) if len(differing) else "Nothing."),
            "## What is not compared\n\nNames and times of a run itself: " + _listed(OF_THE_RUN) + "; and of the "
            "raw tables when and from which file a version was landed: " + _listed(OF_THE_LANDING.split(", ")) + ".",
        ],
    )


def _ticks_as_frame(ticks: Sequence[Tick]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "tick": f"{tick.at:%a %d %b %H:%M}",
                "brought": BROUGHT.get(tick.at.date(), "") if tick.trigger == "daily_refresh" else "",
                "by": tick.trigger,
                "evaluation (ms)": tick.milliseconds,
                "outcome": tick.outcome,
                "months": tick.months,
                "run (s)": tick.seconds,
            }
            for tick in ticks
        ]
    )


def _listed(names: Collection[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))


if __name__ == "__main__":
    sys.exit(main())
