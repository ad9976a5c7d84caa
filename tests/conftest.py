"""Fixtures of the whole suite."""

import os
import signal
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
# A developer's `.env` may name the databases of a real deployment; no test may read or write there.
os.environ["LIFECYCLE_ENV_FILE"] = os.devnull
for variable in ("LIFECYCLE_COMPANIES", "LIFECYCLE_DAGSTER_DATABASE", "LIFECYCLE_MLFLOW_DATABASE"):
    os.environ.pop(variable, None)
# A suite that a shell started in the background ignores Ctrl-C, and so would every process whose Ctrl-C is tested.
signal.signal(signal.SIGINT, signal.default_int_handler)
# Files of whole runs, the longest first: a long file that starts last keeps one core waiting for the other.
LONGEST = ("test_killed_runs", "test_chain", "test_robustness", "test_sample_against_truth", "test_blocking")
LONGEST += ("test_gates_stop_faults",)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start the longest files first; the others keep their order."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder with the public data sets; a test that needs it is skipped where they are not at hand."""
    named = os.environ.get("LIFECYCLE_DATA_DIR")
    folder = Path(named) if named else REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"the data sets are not at hand: {folder} does not exist (set LIFECYCLE_DATA_DIR)")
    return folder
