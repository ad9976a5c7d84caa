"""A small company that the environment names."""

from pathlib import Path

import pytest

from orchestration.resources import Deployment
from tests import small_companies


@pytest.fixture
def deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """Its settings and source are there, its state is not."""
    return small_companies.deploy_in_environment(tmp_path, monkeypatch)
