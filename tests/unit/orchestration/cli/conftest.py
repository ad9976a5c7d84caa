"""A small company that the environment names."""

from pathlib import Path

import pytest

from orchestration.resources import Deployment
from tests import small_companies


@pytest.fixture
def deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """Its settings and source are there, its state is not."""
    made = small_companies.deploy(tmp_path, "small", "contractual", small_companies.contractual(2, 2))
    monkeypatch.setenv("LIFECYCLE_COMPANY", "small")
    monkeypatch.setenv("LIFECYCLE_STATE_DIR", made.state_folder)
    monkeypatch.setenv("LIFECYCLE_DATA_DIR", made.data_folder)
    monkeypatch.setenv("LIFECYCLE_COMPANIES_DIR", made.companies_folder)
    return made
