import hashlib
from pathlib import Path

import pytest

from ingestion.simulator.part_files import MANIFEST
from ingestion.simulator.run import SimulatorError, simulate
from ingestion.simulator.settings import SimulatorSettings

SMALL = SimulatorSettings(seed=11, accounts=30, months=12)


def _hashes(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def test_same_settings_give_identical_bytes(tmp_path: Path) -> None:
    """Two runs with the same settings write the same files, byte for byte."""
    for name in ("one", "two"):
        simulate(SMALL, tmp_path / name / "source", tmp_path / name / "truth")
    assert _hashes(tmp_path / "one" / "source") == _hashes(tmp_path / "two" / "source")
    assert _hashes(tmp_path / "one" / "truth") == _hashes(tmp_path / "two" / "truth")


def test_another_seed_gives_another_company(tmp_path: Path) -> None:
    """The seed changes the tables."""
    simulate(SMALL, tmp_path / "a", tmp_path / "at")
    simulate(SMALL.model_copy(update={"seed": 12}), tmp_path / "b", tmp_path / "bt")
    assert _hashes(tmp_path / "a")["leads-00000.parquet"] != _hashes(tmp_path / "b")["leads-00000.parquet"]


def test_unchanged_settings_write_nothing(tmp_path: Path) -> None:
    """A second run with unchanged settings leaves every file untouched and reports the same rows."""
    source, truth = tmp_path / "source", tmp_path / "truth"
    first = simulate(SMALL, source, truth)
    before = {path: path.stat().st_mtime_ns for path in source.iterdir()}
    second = simulate(SMALL, source, truth)
    assert (first.written, second.written) == (True, False)
    assert second.source_rows == first.source_rows
    assert {path: path.stat().st_mtime_ns for path in source.iterdir()} == before


def test_changed_settings_replace_the_company(tmp_path: Path) -> None:
    """Other settings replace both folders as a whole."""
    source, truth = tmp_path / "source", tmp_path / "truth"
    simulate(SMALL, source, truth)
    (source / "leftover-00000.parquet").write_bytes(b"old")
    report = simulate(SMALL.model_copy(update={"accounts": 31}), source, truth)
    assert report.written
    assert not (source / "leftover-00000.parquet").exists()


def test_lost_truth_is_made_again(tmp_path: Path) -> None:
    """A source without its truth, as a killed run may leave it, is written anew."""
    source, truth = tmp_path / "source", tmp_path / "truth"
    simulate(SMALL, source, truth)
    (truth / MANIFEST).unlink()
    assert simulate(SMALL, source, truth).written


def test_killed_run_leaves_nothing_visible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that dies while writing leaves the finished company as it was, and the next run succeeds."""
    source, truth = tmp_path / "source", tmp_path / "truth"
    simulate(SMALL, source, truth)
    before = _hashes(source)
    other = SMALL.model_copy(update={"seed": 12})

    def dies(*_arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("ingestion.simulator.run._write_block", dies)
        with pytest.raises(KeyboardInterrupt):
            simulate(other, source, truth)
    assert _hashes(source) == before
    assert simulate(other, source, truth).written
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source", "truth"]


@pytest.mark.parametrize(("source", "truth"), [("a", "a"), ("a", "a/truth"), ("t/source", "t")])
def test_overlapping_folders_are_refused(tmp_path: Path, source: str, truth: str) -> None:
    """Truth may not lie within the source folder, nor the other way round."""
    with pytest.raises(SimulatorError, match="overlap"):
        simulate(SMALL, tmp_path / source, tmp_path / truth)
