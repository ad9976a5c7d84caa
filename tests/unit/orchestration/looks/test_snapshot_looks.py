"""What the page of a published snapshot says of the version before."""

from pathlib import Path

import duckdb

from orchestration import snapshot
from orchestration.looks import snapshot_looks
from orchestration.snapshot import Face, Snapshot

FACES = (Face("metrics", "metric_definitions"), Face("metrics", "metric_values"))


def publish(root: Path, version: str, deals: int, metrics: dict[str, tuple[str, float]]) -> Snapshot:
    """A version with so many deals, and metrics by name with unit and value in May 2025."""
    with duckdb.connect() as connection:
        connection.execute("create schema marts; create schema metrics")
        connection.execute(f"create table marts.fct_deals as select * from range({deals}) as t(deal_id)")
        connection.execute("create table metrics.metric_definitions (metric varchar, unit varchar)")
        connection.execute(
            "create table metrics.metric_values "
            "(metric varchar, month_start date, dimension varchar, value double, is_complete boolean)"
        )
        for name, (unit, value) in metrics.items():
            connection.execute("insert into metrics.metric_definitions values (?, ?)", [name, unit])
            connection.execute(
                "insert into metrics.metric_values values (?, '2025-05-01', 'all', ?, true)", [name, value]
            )
        faces = [Face("marts", "fct_deals"), *(FACES if metrics else ())]
        return snapshot.publish(connection, root, faces, version=version, at="2025-06-01", as_of="2025-05-31")


def told(root: Path, before: Snapshot | None, now: Snapshot) -> dict[str, str]:
    return {name: str(value.value) for name, value in snapshot_looks.changes(root, before, now).items()}


def test_what_changed_is_told_with_units_and_separators(tmp_path: Path) -> None:
    """Rows and newest metrics of both versions side by side; what came or went has a dash on its other side."""
    kept = ("money", 100.0)
    before = publish(tmp_path, "v1", 1_500, {"arr": ("money", 1_234_567.891), "nrr": ("ratio", 0.98), "kept": kept})
    now = publish(tmp_path, "v2", 2_500, {"arr": ("money", 1_300_000.0), "leads": ("count", 42_000.0), "kept": kept})
    found = told(tmp_path, before, now)
    assert found["compared_with"] == "v1"
    assert "| fct_deals | 1,500 | 2,500 | +1,000 |" in found["rows_changed"]
    assert found["metrics_changed"].splitlines()[2:] == [
        "| arr | 2025-05 | 1,234,567.89 | 2025-05 | 1,300,000.00 |",
        "| leads | – | – | 2025-05 | 42,000 |",
        "| nrr | 2025-05 | 98.0% | – | – |",
    ]


def test_the_same_again_says_that_nothing_changed(tmp_path: Path) -> None:
    """A reader need not compare tables to learn that they are equal."""
    metrics = {"arr": ("money", 5.0)}
    found = told(tmp_path, publish(tmp_path, "v1", 3, metrics), publish(tmp_path, "v2", 3, metrics))
    assert found["rows_changed"] == "every table has as many rows as before"
    assert found["metrics_changed"] == "every metric is what it was"


def test_a_version_without_metrics_can_be_compared(tmp_path: Path) -> None:
    """One that was published before there were metrics: all of them are new."""
    found = told(tmp_path, publish(tmp_path, "v1", 3, {}), publish(tmp_path, "v2", 3, {"arr": ("money", 5.0)}))
    assert "| metric_values | – | 1 | +1 |" in found["rows_changed"]
    assert "| arr | – | – | 2025-05 | 5.00 |" in found["metrics_changed"]


def test_the_first_version_has_nothing_to_be_compared_with(tmp_path: Path) -> None:
    """Nor has one whose predecessor was deleted."""
    first = publish(tmp_path, "v1", 3, {})
    gone = Snapshot("v0", "v0", "", "", {})
    assert (
        told(tmp_path, None, first)
        == told(tmp_path, gone, first)
        == {"changes": "the first version: nothing to compare with"}
    )
