"""The point-in-time join against Feast, polars and pandas: CPU seconds, peak memory, and whether the rows are right.

Every engine reads the same Parquet files in a process of its own and returns the joined rows in memory. In these
files a row is known when it happens, so that joins on event time alone must find the same; a second known time, zero
to four days late, shows what they would get wrong. Feast needs an environment of its own (`--feast-python`):
`pip install 'feast[duckdb]==0.67.*' 'sqlalchemy<2.1' 'tenacity<9'`.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from benchmarks.pages import ROOT, Page, table
from benchmarks.point_in_time_engines import COLUMNS, MAX_AGE

SECONDS_AT_MOST = 900
# Rows of a key in the whole history, and days between two of them.
GRAINS = {"monthly": (60, 30), "daily": (720, 1)}
MILLION = 1_000_000
SIZES = [
    ("monthly", MILLION, 5 * MILLION),
    ("daily", MILLION, 5 * MILLION),
    ("monthly", MILLION // 10, 5 * MILLION),
    ("monthly", MILLION, 20 * MILLION),
    ("daily", MILLION, 20 * MILLION),
]
ENGINES = ["ours", "ours, DuckDB tables", "ours, late rows", "polars", "pandas", "feast duckdb", "feast dask"]
# Peak memory in MB of the engines that hold every row, by million feature rows, with room: larger runs are left out.
NEEDS_MB = {"pandas": (1_500, 600), "polars": (800, 260), "feast dask": (3_000, 600)}
DASK_MB_PER_MILLION_LABELS = 9_000


@dataclass(frozen=True)
class Size:
    """How many labels are joined to how many feature rows, of which grain."""

    grain: str
    labels: int
    features: int

    def needs_mb(self, engine: str) -> float:
        """Peak memory the engine will want, roughly; 0 for those that spill."""
        fixed, per_million = NEEDS_MB.get(engine, (0, 0))
        labels = DASK_MB_PER_MILLION_LABELS * self.labels / MILLION if engine == "feast dask" else 0
        return fixed + per_million * self.features / MILLION + labels

    @property
    def title(self) -> str:
        """As a person says it."""
        return f"{self.labels:,} labels, {self.features:,} feature rows, {self.grain}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Generate, join with every engine, compare; returns the exit code (1 when our rows are wrong)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="unused: the rows are generated")
    parser.add_argument("--write", action="store_true", help="write docs/results/point_in_time.md")
    feast = ROOT / ".venv-feast" / "bin" / "python"  # there once `make test-feast` or `make test` made it
    default = feast if feast.exists() else None
    parser.add_argument("--feast-python", type=Path, default=default, help="Python of an environment with Feast")
    parser.add_argument("--sizes", type=int, default=len(SIZES), help="only the first so many sizes")
    parser.add_argument("--memory-mb", type=int, default=6_000, help="leave engines out that want more")
    chosen = parser.parse_args(arguments)
    started = time.monotonic()
    results = []
    for number in range(chosen.sizes):
        with tempfile.TemporaryDirectory() as folder:
            results.append(_compare(Size(*SIZES[number]), Path(folder), chosen.feast_python, chosen.memory_mb))
            print(f"\n{results[-1].title}\n{table(results[-1].rows, 2)}", flush=True)
        if chosen.write:  # after each size, so that a run that is stopped keeps what it has
            print(_page(results, time.monotonic() - started, chosen.feast_python).write())
    return 0


@dataclass(frozen=True)
class Comparison:
    """One size, a row per engine."""

    title: str
    rows: pd.DataFrame
    late_share: float


def _compare(size: Size, folder: Path, feast: Path | None, memory_mb: int) -> Comparison:
    _generate(size, folder)
    found: dict[str, dict[str, Any] | str] = {}
    for engine in ENGINES:
        if size.needs_mb(engine) > memory_mb:
            found[engine] = f"not run: wants about {size.needs_mb(engine) / 1000:.0f} GB"
        elif engine.startswith("feast") and feast is None:
            found[engine] = "not run: no Python with Feast was named"
        else:
            found[engine] = _run(engine, size, folder, feast)
        print(size.title, engine, _short(found[engine]), flush=True)
    reference = found["ours"]
    if isinstance(reference, str) or reference["known"] != _known_by_definition(folder):
        msg = f"our own join is wrong or failed: {_short(reference)}"
        raise AssertionError(msg)
    late = found["ours, late rows"]
    rows = pd.DataFrame([_row(engine, outcome, reference) for engine, outcome in found.items()])
    share = float("nan") if isinstance(late, str) else _differing(folder) / size.labels
    return Comparison(size.title, rows, share)


def _generate(size: Size, folder: Path) -> None:
    """Features in order of time, as they are appended; labels at random; both from hashes, so always the same."""
    per_key, days = GRAINS[size.grain]
    keys = size.features // per_key
    values = ", ".join(
        f"cast(hash(k * 1000003 + i * {7919 + number}) % 1000000 as double) as f{number:02d}"
        for number in range(COLUMNS)
    )
    event = f"timestamp '2020-01-01' + to_days(cast(i * {days} + k % {days} as integer))"
    with duckdb.connect(str(folder / "wide.duckdb")) as con:
        con.execute("set threads = 2; set memory_limit = '3GB'; create schema features")
        con.execute(
            f"create table features.wide as select 'c' || k as account_id, {event} as event_at, {event} as known_at, "
            f"{event} + to_days(cast(hash(k * 31 + i) % 5 as integer)) as known_late_at, {values} "
            f"from range({per_key}) a(i), range({keys}) b(k)"
        )
        con.execute(f"copy features.wide to '{folder}/features.parquet'")
        con.execute(
            f"copy (select i as label_position, 'c' || (hash(i) % {keys * 51 // 50}) as account_id, "
            f"timestamp '2020-01-01' + to_days(cast(hash(i + 77777777) % {per_key * days + 60} as integer)) "
            f"+ interval 9 hour as label_at from range({size.labels}) t(i)) to '{folder}/labels.parquet'"
        )


def _known_by_definition(folder: Path) -> int:
    """Labels for which some row counts, asked in another way than the join does."""
    with duckdb.connect() as con:
        con.execute("set threads = 2; set memory_limit = '3GB'")
        found = con.execute(
            f"select count(*) from '{folder}/labels.parquet' l asof join "
            f"(select account_id, event_at from '{folder}/features.parquet') f "
            "on l.account_id = f.account_id and l.label_at >= f.event_at "
            f"where f.event_at >= l.label_at - interval {MAX_AGE.days} day"
        ).fetchone()
    return int(found[0]) if found else 0


def _differing(folder: Path) -> int:
    """Labels whose newest row by event time was not yet known, with the late known time."""
    with duckdb.connect() as con:
        con.execute("set threads = 2; set memory_limit = '3GB'")
        found = con.execute(
            f"select count(*) from '{folder}/labels.parquet' l asof join "
            f"(select account_id, event_at, known_late_at from '{folder}/features.parquet') f "
            "on l.account_id = f.account_id and l.label_at >= f.event_at "
            f"where f.event_at >= l.label_at - interval {MAX_AGE.days} day and f.known_late_at > l.label_at"
        ).fetchone()
    return int(found[0]) if found else 0


def _run(engine: str, size: Size, folder: Path, feast: Path | None) -> dict[str, Any] | str:
    """One engine in a process of its own: what it printed, or its last words."""
    if engine.startswith("feast"):
        script = str(ROOT / "benchmarks" / "point_in_time_feast.py")
        ends = [engine.split()[1], str(folder), str(folder), str(COLUMNS), str(MAX_AGE.days)]
        command = [str(feast), script, *ends]
    else:
        command = [sys.executable, "-m", "benchmarks.point_in_time_engines", engine, str(folder), str(folder)]
        command.append(str(GRAINS[size.grain][1]))
    try:
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=SECONDS_AT_MOST)  # noqa: S603 - our own scripts
    except subprocess.TimeoutExpired:
        return f"stopped after {SECONDS_AT_MOST} s"
    if ended.returncode:
        return f"failed: {(ended.stderr.strip().splitlines() or ['killed'])[-1][:200]}"
    printed: dict[str, Any] = json.loads(ended.stdout.strip().splitlines()[-1])
    return printed


def _row(engine: str, outcome: dict[str, Any] | str, reference: dict[str, Any]) -> dict[str, Any]:
    if isinstance(outcome, str):
        return {"engine": engine, "CPU s": None, "x ours": None, "peak MB": None, "start s": None, "rows": outcome}
    return {
        "engine": engine,
        "CPU s": outcome["cpu"],
        "x ours": outcome["cpu"] / reference["cpu"],
        "peak MB": f"{outcome['peak']:,.0f}",
        "start s": outcome["start"],
        "rows": _verdict(engine, outcome, reference),
    }


def _verdict(engine: str, outcome: dict[str, Any], reference: dict[str, Any]) -> str:
    if engine == "ours, late rows":
        return "known later: an answer of its own"
    lost = reference["rows"] - outcome["rows"]
    said = [f"{lost:,} label rows lost"] if lost else []
    if lost == 0 and outcome["sums"] != reference["sums"]:
        said.append("other values")
    if lost and outcome["known"] != reference["known"]:
        said.append(f"{reference['known'] - outcome['known']:,} of them with features")
    return ", ".join([*said, *([] if outcome["in_order"] else ["not in order"])]) or "equal"


def _short(outcome: dict[str, Any] | str) -> str:
    return outcome if isinstance(outcome, str) else f"{outcome['cpu']:.1f} CPU s, {outcome['peak']:,.0f} MB"


def _page(results: Sequence[Comparison], seconds: float, feast: Path | None) -> Page:
    blocks = [f"## {result.title}\n\n{table(result.rows, 2)}" for result in results]
    late = ", ".join(f"{result.late_share:.1%}" for result in results)
    blocks.append(
        "`ours` and the alternatives read the same Parquet files; `x ours` is CPU in units of ours, whatever the "
        "machine. `start s` is the CPU of imports, not part of `CPU s`. "
        "`ours` always compares known times as well; the others join on event time (Feast's cut-off by known time is "
        f"opt-in). With rows known zero to four days late, {late} of the labels (in the order above) would get a value "
        "from an event-time join that nobody knew at the time; `ours, late rows` does not use it."
    )
    command = "python -m benchmarks.point_in_time --write" + (" --feast-python PATH" if feast else "")
    return Page("point_in_time", "Point-in-time join", _outcome(results), command, None, seconds, blocks)


def _outcome(results: Sequence[Comparison]) -> str:
    """How far ahead of, or behind, each alternative, over all sizes it ran on."""
    rows = pd.concat([result.rows for result in results])
    rows = rows[~rows["engine"].str.startswith("ours") & rows["x ours"].notna()]
    spans = [f"{engine} {_span(group)} times" for engine, group in rows["x ours"].groupby(rows["engine"], sort=False)]
    behind = sorted(set(rows.loc[rows["x ours"] < 3, "engine"]))
    fell_short = f" The goal of three times is missed against {', '.join(behind)}." if behind else ""
    return f"CPU of the alternatives in units of ours: {'; '.join(spans)}.{fell_short}"


def _span(values: "pd.Series[float]") -> str:
    lowest, highest = f"{values.min():.1f}", f"{values.max():.1f}"
    return lowest if lowest == highest else f"{lowest} to {highest}"


if __name__ == "__main__":
    sys.exit(main())
