"""What the machine and the environment must offer: Python, the pinned packages, memory, clock, ports, time zones.

Belongs here: examinations that hold for every company. Does not belong here: a company's files
(`orchestration.diagnosis.company`), its databases (`orchestration.diagnosis.stores`).
"""

import os
import re
import sys
import tempfile
import time
import zoneinfo
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import duckdb

from orchestration.deployment import ui
from orchestration.diagnosis.finding import Finding
from orchestration.resources import ROOT, Deployment
from orchestration.transformations import manifest

PYTHON = (3, 11)
PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)
PINS = ROOT / "requirements" / "run.txt"
CGROUP_MEMORY = Path("/sys/fs/cgroup/memory.max")
# DuckDB's limit is not the whole process: models, Arrow and Python come on top.
LARGEST_SHARE = 0.8
# A file's time and the clock differ by no more on a disk of this machine.
CLOCK_TOLERANCE_SECONDS = 60.0
UNITS = {"bytes": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}


def python_version() -> Finding:
    """The interpreter's version."""
    said = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info[:2] == PYTHON:
        return Finding("python", "ok", said)
    return Finding("python", "error", f"{said}, not 3.11", "remove .venv, then: make setup PYTHON=python3.11")


def packages(pins: Path = PINS) -> Finding:
    """Every package that the pins name, in the version they name."""
    if not pins.exists():
        return Finding("packages", "warning", f"no {pins} to compare with", "run from a checkout")
    wanted = PINNED.findall(pins.read_text(encoding="utf-8"))
    other = [
        f"{name} {found or 'missing'} (pinned {version})"
        for name, version in wanted
        if (found := _installed(name)) != version
    ]
    if not other:
        return Finding("packages", "ok", f"{len(wanted)} as pinned")
    return Finding("packages", "error", "; ".join(other), "make setup (touch requirements/run.txt first)")


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def dbt_program() -> Finding:
    """Dbt's program beside the interpreter, and the versions that decide about files and SQL."""
    program = Path(sys.executable).parent / "dbt"
    versions = ", ".join(f"{name} {_installed(name) or 'missing'}" for name in ("dbt-core", "dbt-duckdb", "duckdb"))
    if os.access(program, os.X_OK):
        return Finding("dbt", "ok", versions)
    return Finding("dbt", "error", f"no program {program}", "make setup (touch requirements/run.txt first)")


def dbt_manifest() -> Finding:
    """Whether dbt's manifest is that of the project as it is."""
    if manifest.is_fresh():
        return Finding("manifest", "ok", "as the dbt project is")
    said = "missing, or older than the dbt project"
    return Finding("manifest", "warning", said, "nothing: the next start parses the project (half a minute)")


def memory(deployment: Deployment) -> Finding:
    """DuckDB's limit against what the machine, or its container, has."""
    with duckdb.connect(":memory:") as connection:
        try:
            connection.execute(f"set memory_limit = '{deployment.memory_limit}'")
        except duckdb.Error as error:
            said = f"LIFECYCLE_MEMORY_LIMIT={deployment.memory_limit}: {error}"
            return Finding("memory", "error", said, "write for example LIFECYCLE_MEMORY_LIMIT=4GB")
        amount, unit = str(connection.execute("select current_setting('memory_limit')").fetchall()[0][0]).split()
    limit, there = float(amount) * UNITS[unit], _memory_bytes()
    said = f"DuckDB may take {limit / 1e9:.1f} of {there / 1e9:.1f} GB"
    if limit <= there * LARGEST_SHARE:
        return Finding("memory", "ok", said)
    return Finding("memory", "warning", said, f"set LIFECYCLE_MEMORY_LIMIT={there * 0.5 / 1e9:.1f}GB")


def _memory_bytes() -> float:
    machine = float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    said = CGROUP_MEMORY.read_text().strip() if CGROUP_MEMORY.exists() else "max"
    return min(machine, float(said)) if said.isdigit() else machine


def clock() -> Finding:
    """Whether the disk's clock and the system's agree and neither is before this project was written."""
    with tempfile.NamedTemporaryFile() as file:
        gap = Path(file.name).stat().st_mtime - time.time()
    now = time.gmtime()
    if now.tm_year < 2026 or abs(gap) > CLOCK_TOLERANCE_SECONDS:
        said = f"the system says {time.strftime('%Y-%m-%d %H:%M', now)} UTC, a new file is {gap:+.0f} s off"
        return Finding("clock", "error", said, "set the clock (timedatectl set-ntp true)")
    return Finding("clock", "ok", f"{time.strftime('%Y-%m-%d %H:%M', now)} UTC")


def ports() -> Iterator[Finding]:
    """Whether the UIs get the ports they prefer."""
    for name, port in (("Dagster", ui.DAGSTER_PORT), ("MLflow", ui.MLFLOW_PORT)):
        if ui.free_port(port) == port:
            yield Finding(f"port {port}", "ok", f"free for {name}")
        else:
            said = f"taken; {name} would take another"
            yield Finding(f"port {port}", "warning", said, "nothing, or stop what listens there")


def time_zones(deployment: Deployment) -> Finding:
    """The time zone database, by the zone that the company's days end in."""
    wanted = deployment.company.time_zone
    try:
        zoneinfo.ZoneInfo(wanted)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError) as error:
        return Finding("time zones", "error", str(error), "install the system's tzdata (apt install tzdata)")
    return Finding("time zones", "ok", wanted)
