"""What a person does to a running system: kill it, stop it, start it twice, fill its disk."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from orchestration import snapshot
from orchestration.resources import ROOT, Deployment, point_dagster_at
from orchestration.run import FAILED, INTERRUPTED, OK
from tests import small_companies
from tests.runs import content, kept_environment, query, versions

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

# Each hook leaves a mark when its point of the run is reached, and then keeps the run there.
HOOKS = {
    "landing": "from ingestion.loading import Loading as owner; name = 'run'",
    "dbt": "from orchestration.assets import warehouse as owner; name = '_events'",
    "publish": "from orchestration import snapshot as owner; name = '_write_duckdb'",
}
RUN = "import sys; from orchestration.run import main; sys.exit(main([]))"
HELD = """
import pathlib, sys, time
{hook}
original = getattr(owner, name)
def held(*arguments):
    pathlib.Path({mark!r}).touch()
    time.sleep({before})
    result = original(*arguments)
    time.sleep(600)
    return result
setattr(owner, name, held)
"""


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    with kept_environment():
        yield


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    return small_companies.deploy(tmp_path, "contract", "contractual", small_companies.contractual(12, 20))


def start(deployment: Deployment, script: str = RUN) -> subprocess.Popen[str]:
    """Start a run in a process (and group) of its own."""
    names = {
        "LIFECYCLE_COMPANY": deployment.company_name,
        "LIFECYCLE_STATE_DIR": deployment.state_folder,
        "LIFECYCLE_DATA_DIR": deployment.data_folder,
        "LIFECYCLE_COMPANIES_DIR": deployment.companies_folder,
    }
    return subprocess.Popen(  # noqa: S603 - our own script
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=os.environ | names,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def held_at(deployment: Deployment, point: str, folder: Path) -> subprocess.Popen[str]:
    """A run that stands still at a point; returns once it is there."""
    mark = folder / f"{point}.mark"
    mark.unlink(missing_ok=True)
    child = start(deployment, HELD.format(hook=HOOKS[point], mark=str(mark), before=0) + RUN)
    deadline = time.monotonic() + 300
    while not mark.exists() and child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    assert mark.exists(), child.communicate()
    return child


def finish(child: subprocess.Popen[str]) -> tuple[int, str, str]:
    output, errors = child.communicate(timeout=600)
    return child.returncode, output, errors


def under_way(deployment: Deployment) -> int:
    """Number of runs that Dagster believes to be under way."""
    point_dagster_at(deployment)
    with dg.DagsterInstance.get() as instance:
        return len(instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])))


def test_a_killed_run_changes_nothing_and_the_next_one_makes_it_good(tmp_path: Path) -> None:
    """Killed while landing, while dbt works and while publishing: readers stay, and a rerun ends as if undisturbed."""
    tables = small_companies.contractual(12, 20)
    disturbed = small_companies.deploy(tmp_path / "disturbed", "contract", "contractual", tables)
    for point in HOOKS:
        child = held_at(disturbed, point, tmp_path)
        child.kill()
        finish(child)
        assert snapshot.current(disturbed.published) is None
    code, _, errors = finish(start(disturbed))
    assert (code, "nanobind" in errors) == (OK, False), errors
    assert under_way(disturbed) == 0
    assert not list(disturbed.published.glob(f"{snapshot.UNFINISHED}*"))

    undisturbed = small_companies.deploy(tmp_path / "undisturbed", "contract", "contractual", tables)
    assert finish(start(undisturbed))[0] == OK
    assert versions(disturbed) == versions(undisturbed)
    told, expected = content(disturbed, records=False), content(undisturbed, records=False)
    differing = {name for name in expected if not told[name].equals(expected[name])}
    assert differing - {"trainings", "metrics", "gates"} == set()


def test_ctrl_c_stops_with_a_message(deployment: Deployment, tmp_path: Path) -> None:
    """Ctrl-C ends a run at once with code 130 and a sentence; Dagster does not believe it is still under way."""
    child = held_at(deployment, "landing", tmp_path)
    os.killpg(child.pid, signal.SIGINT)
    code, output, errors = finish(child)
    assert code == INTERRUPTED, output + errors
    assert "Stopped." in output
    assert "Traceback" not in output + errors
    assert under_way(deployment) == 0
    assert deployment.warehouse_path.exists()
    assert query(deployment, "select 1 from information_schema.tables where table_schema = 'raw'") == []


def test_two_runs_at_once(deployment: Deployment, tmp_path: Path) -> None:
    """The second run of a company ends at once and names the process of the first, which is left in peace."""
    first = held_at(deployment, "landing", tmp_path)
    code, output, _ = finish(start(deployment))
    assert code == FAILED
    assert f"Another run is under way (process {first.pid})" in " ".join(output.split())
    assert first.poll() is None
    first.kill()
    finish(first)


def test_a_full_disk(tmp_path: Path) -> None:
    """No space left: the run says so, publishes nothing, and works once there is space."""
    place = tmp_path / "small_disk"
    place.mkdir()
    mount = shutil.which("mount")
    options = ["-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)]
    if mount is None or subprocess.run([mount, *options], capture_output=True, check=False).returncode:  # noqa: S603
        pytest.skip("mounting a small disk is not permitted here")
    try:
        _fill_and_free(mount, place, tmp_path)
    finally:
        subprocess.run(["/bin/umount", "-l", str(place)], check=True)  # noqa: S603


def _fill_and_free(mount: str, place: Path, tmp_path: Path) -> None:
    made = small_companies.deploy(tmp_path, "contract", "contractual", small_companies.contractual(12, 20))
    deployment = Deployment(
        company_name="contract",
        state_folder=str(place),
        data_folder=made.data_folder,
        companies_folder=made.companies_folder,
    )
    for size in ("3m", "9m"):
        subprocess.run([mount, "-o", f"remount,size={size}", str(place)], check=True)  # noqa: S603
        code, output, errors = finish(start(deployment))
        assert code == FAILED, output
        assert "Traceback" not in output + errors
        assert any(words in (output + errors).lower() for words in ("space", "disk", "full")), output + errors
        assert snapshot.current(deployment.published) is None
    subprocess.run([mount, "-o", "remount,size=400m", str(place)], check=True)  # noqa: S603
    code, output, errors = finish(start(deployment))
    assert code == OK, output + errors
    assert snapshot.current(deployment.published) is not None
