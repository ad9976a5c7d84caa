import os
from pathlib import Path

import pytest

from companies.mapping import Source
from ingestion.contents import content_hash, digest_of, files_of
from ingestion.errors import SourceError

SOURCE = Source.model_validate(
    {
        "kind": "files",
        "folder": "acme",
        "system": "acme",
        "get": "Ask Ann.",
        "files": {"deals": {"path": "deals-*.csv"}, "all": {"path": "*.csv"}, "deep": {"path": "old/*.csv"}},
        "tables": [],
    }
)


def test_only_the_files_of_the_settings_are_found(tmp_path: Path) -> None:
    """Each file that a pattern names is there once, by its path; other files, folders and dead links are not."""
    for name in ("deals-1.csv", "notes.txt", "old/a.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "gone.csv").symlink_to(tmp_path / "nowhere")
    assert list(files_of(tmp_path, SOURCE)) == ["deals-1.csv", "old/a.csv"]


def test_a_missing_folder_is_an_error_that_names_it(tmp_path: Path) -> None:
    """The message says which folder and what to do."""
    with pytest.raises(SourceError, match=r"nowhere.*Ask Ann"):
        files_of(tmp_path / "nowhere", SOURCE)


def test_equal_bytes_have_equal_names_whatever_their_times(tmp_path: Path) -> None:
    """The content hash follows the bytes alone; the name of all contents follows file names as well."""
    one, other = tmp_path / "one", tmp_path / "other"
    for path in (one, other):
        path.write_bytes(b"a" * 3_000_000)
    os.utime(other, (1, 1))
    assert content_hash(one) == content_hash(other)
    other.write_bytes(b"a" * 2_999_999 + b"b")
    assert content_hash(one) != content_hash(other)
    assert digest_of({"a": "1", "b": "2"}) == digest_of({"b": "2", "a": "1"}) != digest_of({"a": "2", "b": "1"})
