"""Fixtures that several integration tests share, built once per test run."""

from pathlib import Path

import pytest

from tests import factories, miniature
from tests.dbt_builds import Query, build_once, reader
from tests.small_disk import small_disk as small_disk


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all worker processes of one test run see."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if own.name.startswith("popen-") else own


@pytest.fixture(scope="session")
def miniature_contractual(shared_folder: Path) -> Query:
    """Marts of the miniature company with contracts."""
    company = factories.company(**miniature.SETTINGS)
    return reader(build_once(shared_folder, "contractual", miniature.CONTRACTUAL, company))


@pytest.fixture(scope="session")
def miniature_transactional(shared_folder: Path) -> Query:
    """Marts of the miniature shop."""
    company = factories.company(business_model="transactional", **miniature.SETTINGS)
    return reader(build_once(shared_folder, "transactional", miniature.TRANSACTIONAL, company))
