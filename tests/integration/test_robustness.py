"""What a person does to a running system: stop it, start it twice, fill its disk."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestration import snapshot
from orchestration.deployment.exit_codes import FAILED, INTERRUPTED, OK
from orchestration.resources import Deployment
from tests import small_companies
from tests.held_runs import finish, held_at, script_of, start, under_way
from tests.runs import kept_environment, query
from tests.small_disk import SmallDisk

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    with kept_environment():
        yield


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    return small_companies.deploy(tmp_path, "contract", "contractual", small_companies.contractual(12, 20))


def test_ctrl_c_stops_with_a_message(deployment: Deployment, tmp_path: Path) -> None:
    """Ctrl-C ends a run at once with code 130 and a sentence; Dagster does not believe it is still under way."""
    child = held_at(deployment, "landing", tmp_path)
    os.killpg(child.pid, signal.SIGINT)
    code, output, errors = finish(child)
    assert code == INTERRUPTED, output + errors
    assert "Stopped." in errors
    assert "Traceback" not in output + errors
    assert under_way(deployment) == 0
    assert deployment.warehouse_path.exists()
    assert query(deployment, "select 1 from information_schema.tables where table_schema = 'raw'") == []


def test_two_runs_at_once(deployment: Deployment, tmp_path: Path) -> None:
    """The second run of a company waits and names the first, which is left in peace; Ctrl-C ends the waiting."""
    first = held_at(deployment, "landing", tmp_path)
    second = start(deployment)
    assert second.stderr is not None
    said = ""
    while "Waiting for its end." not in " ".join(said.split()):
        line = second.stderr.readline()
        assert line, said
        said += line
    assert f"Another run is under way (process {first.pid}, job rebuild, run" in " ".join(said.split())
    os.killpg(second.pid, signal.SIGINT)
    code, output, errors = finish(second)
    assert code == INTERRUPTED, output + errors
    assert "Traceback" not in output + errors
    assert first.poll() is None
    first.kill()
    finish(first)


def test_a_full_disk(small_disk: SmallDisk, tmp_path: Path) -> None:
    """No space left while landing or while dbt works: the run says so, publishes nothing, and works once there is."""
    made = small_companies.deploy(tmp_path, "contract", "contractual", small_companies.contractual(12, 20))
    deployment = made.model_copy(update={"state_folder": str(small_disk.folder)})
    for megabytes in (3, 6):
        small_disk.leave(megabytes)
        code, output, errors = finish(start(deployment))
        assert code == FAILED, output
        assert "Traceback" not in output + errors
        assert any(words in (output + errors).lower() for words in ("space", "disk", "full")), output + errors
        assert snapshot.current(deployment.published) is None
    small_disk.leave(400)
    code, output, errors = finish(start(deployment, script_of("refresh_warehouse", "publish_snapshot")))
    assert code == OK, output + errors
    assert snapshot.current(deployment.published) is not None
