"""Run every company from nothing and write what came out, losses included (part of `make results`).

Each company runs in a process of its own with an empty state folder. Written: one page per company with the summary as
printed, a page with the table of all, and the same table between the markers in the README.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from benchmarks.pages import RESULTS, ROOT

TABLE = "companies.md"
COMPANIES = ("sample", "olist", "cdnow", "original_poc", "ravenstack")
BEGIN, END = "<!-- results: written by `make results` -->", "<!-- /results -->"
HEADLINE = {"churn": "auc", "lead_score": "auc", "win_probability": "auc", "clv": "mae", "revenue": "wape"}


@dataclass(frozen=True)
class Result:
    """What one company's run gave: its summary, its figures, its cost."""

    company: str
    summary: str
    rows: int
    quarantined: int
    models: dict[str, str]
    seconds: float
    peak_megabytes: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the companies named (default: all) and write the pages; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("companies", nargs="*", default=COMPANIES)
    chosen = parser.parse_args(arguments).companies
    results = [run(company) for company in chosen]
    RESULTS.mkdir(parents=True, exist_ok=True)
    for result in results:
        command = f"`COMPANY={result.company} make run` printed:"
        page = f"# {result.company}\n\n{command}\n\n```\n{result.summary.strip()}\n```\n"
        (RESULTS / f"{result.company}.md").write_text(page, encoding="utf-8")
    if len(results) == len(COMPANIES):
        write_tables(results)
    return 0


def run(company: str) -> Result:
    """Run one company with an empty state folder.

    Raises:
        subprocess.CalledProcessError: the run failed; its output was printed.
    """
    print(f"{company} ...", flush=True)
    with tempfile.TemporaryDirectory() as state:
        summary, seconds, peak = _run(company, state)
        (snapshot,) = Path(state, company, "published").glob("*/analytics.duckdb")
        with duckdb.connect(str(snapshot), read_only=True) as connection:
            counts = connection.execute("select sum(rows_read), sum(rows_quarantined) from loads").fetchall()[0]
            models = _models(connection)
        return Result(company, summary.replace(state, "var"), int(counts[0]), int(counts[1]), models, seconds, peak)


def _run(company: str, state: str) -> tuple[str, float, float]:
    """The summary, the wall time and the peak memory (MB) of one run."""
    started = time.monotonic()
    command = [sys.executable, "-m", "orchestration.cli", "run", "--company", company]
    environment = {**os.environ, "LIFECYCLE_STATE_DIR": state}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        summary = process.stdout.read() if process.stdout else ""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, summary)
    return summary, time.monotonic() - started, usage.ru_maxrss / 1024


def _models(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Each model's headline figure beside the best baseline's, or what is missing."""
    found = {}
    for model, run_id, status, kept in connection.execute(
        "select model, run_id, status, kept_method from trainings order by model"
    ).fetchall():
        rows = connection.execute(
            "select method, value, lower, upper, is_baseline from metrics "
            "where run_id = ? and model = ? and metric = ?",
            [run_id, model, HEADLINE[model]],
        ).fetchall()
        found[model] = _cell(model, status, kept, rows)
    return found


def _cell(model: str, status: str, kept: str | None, rows: Sequence[tuple[str, float, float, float, bool]]) -> str:
    own = next((row for row in rows if row[0] == kept), None)
    if own is None:
        return status.replace("_", " ")
    best = max if HEADLINE[model] == "auc" else min
    baselines = [row for row in rows if row[4] and row[0] != kept]
    name, value, *_ = best(baselines, key=lambda row: row[1])
    figures = f"{_short(own[1])} [{_short(own[2])}, {_short(own[3])}], {name.replace('_', ' ')} {_short(value)}"
    verdict = "**validated**" if status == "validated" else "refused"
    return f"{verdict}: {figures}"


def _short(value: float) -> str:
    """Three digits, or whole units where there are more."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def write_tables(results: Sequence[Result]) -> None:
    """Write the table of all companies to its page and between the README's markers."""
    headings = [
        "company",
        "rows read",
        "quarantined",
        *(f"{model} ({HEADLINE[model]})" for model in HEADLINE),
        "wall",
        "peak",
    ]
    lines = ["| " + " | ".join(headings) + " |", "|" + "---|" * len(headings)]
    for result in results:
        cells = [f"[{result.company}](docs/results/{result.company}.md)", f"{result.rows:,}", f"{result.quarantined:,}"]
        cells += [result.models.get(model, "–") for model in HEADLINE]
        cells += [f"{result.seconds:.0f} s", f"{result.peak_megabytes:,.0f} MB"]
        lines.append("| " + " | ".join(cells) + " |")
    table = "\n".join(lines)
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    readme.write_text(f"{before}{BEGIN}\n{table}\n{END}{rest.split(END)[1]}", encoding="utf-8")
    (RESULTS / TABLE).write_text(table.replace("](docs/results/", "](") + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
