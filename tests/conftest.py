"""Fixtures of the whole suite."""

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder with the public data sets; a test that needs it is skipped where they are not at hand."""
    named = os.environ.get("LIFECYCLE_DATA_DIR")
    folder = Path(named) if named else REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"the data sets are not at hand: {folder} does not exist (set LIFECYCLE_DATA_DIR)")
    return folder
