"""What may not be committed, and what must be there."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
LARGEST_FILE = 1_000_000
TOP_LEVEL = {
    "companies",
    "dbt_project",
    "feature_definitions",
    "ingestion",
    "ml",
    "orchestration",
    "tests",
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "LICENSE",
    "Makefile",
    "dagster.yaml",
    "pyproject.toml",
}


def tracked() -> list[Path]:
    listed = subprocess.run(  # noqa: S603 - fixed arguments
        [shutil.which("git") or "git", "-C", str(REPOSITORY), "ls-files"],
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    return [path for line in listed.stdout.splitlines() if (path := REPOSITORY / line).is_file()]


def test_layout_is_complete() -> None:
    """The top level holds what the README's map says."""
    assert {path.name for path in REPOSITORY.iterdir()} >= TOP_LEVEL


def test_no_data_set_or_large_file_is_tracked() -> None:
    """Loaders are shipped, data are not."""
    data = {".csv", ".parquet", ".duckdb", ".db", ".gz", ".txt"}
    allowed = re.compile(r"^(requirements/.*\.txt|tests/conventions/graph\.txt|dbt_project/seeds/.*\.csv)$")
    offending = [
        str(path.relative_to(REPOSITORY))
        for path in tracked()
        if path.stat().st_size > LARGEST_FILE
        or (path.suffix in data and not allowed.match(str(path.relative_to(REPOSITORY))))
    ]
    assert not offending


def test_requirements_are_pinned_by_hash_without_addresses() -> None:
    """A requirement file installs the same bytes from whatever registry a machine uses."""
    for path in (REPOSITORY / "requirements").glob("*.txt"):
        text = path.read_text()
        assert "--hash=sha256:" in text
        assert not re.search(r"https?://|file:|--(extra-)?index-url|--find-links", text)
