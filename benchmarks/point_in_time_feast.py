"""Feast's part of `benchmarks.point_in_time`: run by the Python of an environment with Feast, knows nothing of ours.

Belongs here: one historical retrieval with one offline store, and what it took. Does not belong here: any comparison.
"""

import json
import resource
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

import pandas as pd
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig
from feast.types import Float64


def main(engine: str, folder: str, store: str, columns: int, max_age_days: int) -> None:
    """Join and print, as JSON, CPU seconds, start-up seconds, peak memory in MB and the result's checksum."""
    names = [f"f{number:02d}" for number in range(columns)]
    with tempfile.TemporaryDirectory() as registry:
        feast = _store(Path(registry), engine, f"{store}/features.parquet", names, max_age_days)
        started = _cpu()
        labels = pd.read_parquet(f"{folder}/labels.parquet").rename(columns={"label_at": "event_timestamp"})
        labels["event_timestamp"] = labels["event_timestamp"].dt.tz_localize("UTC")
        job = feast.get_historical_features(labels, [f"features:{name}" for name in names])
        found = job.to_arrow()
        seconds = _cpu() - started
    peak = _peak_mb()
    position = found["label_position"].to_numpy()
    values = [found[name].to_numpy() for name in names]
    sums = [float(pd.Series(value * (position % 1009)).sum()) for value in values]
    known = int((~pd.isna(values[0])).sum())
    in_order = bool((position[1:] > position[:-1]).all())
    result = {"cpu": seconds, "start": started, "peak": peak, "rows": len(found), "known": known}
    sys.stdout.write(json.dumps(result | {"sums": sums, "in_order": in_order}) + "\n")


def _store(folder: Path, engine: str, features: str, names: list[str], max_age_days: int) -> FeatureStore:
    config = RepoConfig(
        project="benchmark",
        provider="local",
        registry=str(folder / "registry.db"),
        offline_store={"type": engine},
        online_store={"type": "sqlite", "path": str(folder / "online.db")},  # by default it makes one where it stands
        entity_key_serialization_version=3,
    )
    store = FeatureStore(config=config)
    entity = Entity(name="account", join_keys=["account_id"])
    source = FileSource(path=features, timestamp_field="event_at", created_timestamp_column="known_at")
    view = FeatureView(
        name="features",
        entities=[entity],
        ttl=timedelta(days=max_age_days),
        schema=[Field(name=name, dtype=Float64) for name in names],
        source=source,
        online=False,
    )
    store.apply([entity, view])
    return store


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _peak_mb() -> float:
    """High-water mark of resident memory. Not `ru_maxrss`: a new process inherits that from the one that started it."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
