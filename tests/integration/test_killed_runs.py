"""A run that is killed at any layer."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestration import snapshot
from orchestration.exit_codes import OK
from tests import small_companies
from tests.held_runs import finish, held_at, start, under_way
from tests.runs import content, kept_environment, versions

# Every point is measured by `python -m benchmarks.kills`.
POINTS = ("landing", "dbt", "registry", "publish")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    with kept_environment():
        yield


def test_a_killed_run_changes_nothing_and_the_next_one_makes_it_good(tmp_path: Path) -> None:
    """Killed while landing, dbt works, training and publishing: readers stay, and a rerun ends as if undisturbed."""
    tables = small_companies.contractual(12, 20)
    disturbed = small_companies.deploy(tmp_path / "disturbed", "contract", "contractual", tables)
    for point in POINTS:
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
