"""A run that is killed at any layer."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestration import snapshot
from orchestration.deployment.exit_codes import OK
from orchestration.resources import Deployment
from tests import small_companies
from tests.held_runs import finish, held_at, script_of, start, under_way
from tests.runs import content, kept_environment, versions

# Every point of every layer is measured by `python -m benchmarks.kills`; here those of the layers that write files of
# their own: the warehouse by us, the warehouse by dbt, the snapshot.
POINTS = {"landing": "refresh_warehouse", "dbt": "refresh_warehouse", "publish": "publish_snapshot"}
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    with kept_environment():
        yield


def _ends_well(deployment: Deployment, *jobs: str) -> None:
    code, output, errors = finish(start(deployment, script_of(*jobs)))
    assert (code, "nanobind" in errors) == (OK, False), output + errors


def test_a_killed_run_changes_nothing_and_the_next_one_makes_it_good(tmp_path: Path) -> None:
    """Killed while landing, while dbt works and while publishing: readers stay, and a rerun ends as if undisturbed."""
    tables = small_companies.contractual(12, 20)
    disturbed = small_companies.deploy(tmp_path / "disturbed", "contract", "contractual", tables)
    for point, job in POINTS.items():
        if point == "publish":
            _ends_well(disturbed, "refresh_warehouse")
        child = held_at(disturbed, point, tmp_path, script_of(job))
        child.kill()
        finish(child)
        assert snapshot.current(disturbed.published) is None
    _ends_well(disturbed, "publish_snapshot")
    assert under_way(disturbed) == 0
    assert not list(disturbed.published.glob(f"{snapshot.UNFINISHED}*"))

    undisturbed = small_companies.deploy(tmp_path / "undisturbed", "contract", "contractual", tables)
    _ends_well(undisturbed, "refresh_warehouse", "publish_snapshot")
    assert versions(disturbed) == versions(undisturbed)
    told, expected = content(disturbed, records=False), content(undisturbed, records=False)
    assert {name for name in expected.keys() | told.keys() if not told[name].equals(expected[name])} == set()
