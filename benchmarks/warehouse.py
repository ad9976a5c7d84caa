"""Build the whole warehouse of a simulated company of any size: rows, seconds and peak memory of each part.

Simulates, lands, runs `dbt build` without the features twice (the second time nothing is new, so incremental models
show what they save), and names the slowest models.
"""

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from companies import settings
from ingestion import landing
from ingestion.simulator.run import simulate
from ingestion.simulator.settings import SimulatorSettings
from orchestration.resources import DBT_FOLDER, Deployment

NOT_FEATURES = ("--exclude", "path:models/features", "test_type:unit")
SLOWEST_SHOWN = 8


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure one size; returns the exit code of the last build."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=1200)
    parser.add_argument("--memory-limit", default="4GB")
    parser.add_argument("--folder", type=Path, help="keeps the simulated source; default: a scratch one")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        deployment = _deployment(chosen.folder or Path(scratch), chosen.accounts, chosen.memory_limit)
        print(f"{chosen.accounts:,} accounts, memory limit {chosen.memory_limit}")
        _simulate(deployment)
        _land(deployment)
        code = _build(deployment, "first")
        return _build(deployment, "second") or code


def _deployment(folder: Path, accounts: int, memory_limit: str) -> Deployment:
    text = (settings.FOLDER / "sample.toml").read_text(encoding="utf-8")
    (folder / "companies").mkdir(parents=True, exist_ok=True)
    (folder / "companies" / "sample.toml").write_text(text.replace("accounts = 1200", f"accounts = {accounts}"))
    return Deployment(
        company_name="sample",
        state_folder=str(folder / "state"),
        data_folder=str(folder),
        companies_folder=str(folder / "companies"),
        memory_limit=memory_limit,
    )


def _simulate(deployment: Deployment) -> None:
    started = time.monotonic()
    wanted = SimulatorSettings.model_validate(deployment.company.source.simulator)
    report = simulate(wanted, deployment.source_folder / "source", deployment.state / "truth", progress=lambda _: None)
    print(f"simulated: {sum(report.source_rows.values()):,} rows, {time.monotonic() - started:.0f} s")


def _land(deployment: Deployment) -> None:
    started = time.monotonic()
    with deployment.warehouse() as connection:
        report = landing.land(connection, deployment.company, deployment.source_folder, datetime.now(UTC))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rows = sum(table.read for table in report.tables)
    print(f"landed: {rows:,} rows, {time.monotonic() - started:.0f} s, peak {peak:,.0f} MB")


def _build(deployment: Deployment, attempt: str) -> int:
    started = time.monotonic()
    target = deployment.state / "dbt"
    command = [str(Path(sys.executable).parent / "dbt"), "--quiet", "build", *NOT_FEATURES]
    places = ["--project-dir", str(DBT_FOLDER), "--profiles-dir", str(DBT_FOLDER), "--target-path", str(target)]
    environment = os.environ | {
        "LIFECYCLE_WAREHOUSE": str(deployment.warehouse_path),
        "LIFECYCLE_MEMORY_LIMIT": deployment.memory_limit,
        "DO_NOT_TRACK": "1",
    }
    before, peak = _children_cpu(), 0.0
    with subprocess.Popen([*command, *places], env=environment) as process:  # noqa: S603 - our own arguments
        while process.poll() is None:
            peak = max(peak, _peak_megabytes(process.pid))
            time.sleep(0.2)
    seconds, cpu = time.monotonic() - started, _children_cpu() - before
    print(f"{attempt} build: {seconds:.0f} s, {cpu:.0f} CPU s, peak {peak:,.0f} MB", flush=True)
    _print_marts(deployment)
    _print_slowest(target / "run_results.json")
    return process.returncode


def _children_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _peak_megabytes(pid: int) -> float:
    """The process's own peak so far; what the system tells of ended children counts their parent's memory as well."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return 0.0  # it has just ended
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


def _print_marts(deployment: Deployment) -> None:
    with deployment.warehouse(read_only=True) as connection:
        rows = connection.execute(
            "select count(*), sum(estimated_size) from duckdb_tables() where schema_name = 'marts'"
        ).fetchall()
    size = deployment.warehouse_path.stat().st_size / 1e9
    print(f"  {rows[0][0]} marts with {rows[0][1] or 0:,} rows; warehouse file {size:.2f} GB")


def _print_slowest(path: Path) -> None:
    results = json.loads(path.read_text(encoding="utf-8"))["results"]
    failed = [result["unique_id"] for result in results if result["status"] in ("error", "fail")]
    slowest = sorted(results, key=lambda result: -result["execution_time"])[:SLOWEST_SHOWN]
    for result in slowest:
        print(f"  {result['execution_time']:8.1f} s  {result['unique_id'].split('.')[2]}")
    print(f"  {len(results)} models, seeds and tests, failed: {', '.join(failed) or 'none'}")


if __name__ == "__main__":
    sys.exit(main())
