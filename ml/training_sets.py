"""Training sets as files: stored once under their content hash, with a manifest that says what they are made of.

A set is a folder `<hash>/` with `rows.parquet` and `manifest.json`. It is written under another name and renamed when
complete, so that a folder is always whole, and never written twice. Belongs here: writing, reading, comparing and
pruning sets. Does not belong here: how their rows are made, or which of them a registry still names.
"""

import json
import os
import shutil
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd

from ml.training_frames import TrainingFrame

ROWS: Final = "rows.parquet"
MANIFEST: Final = "manifest.json"
UNFINISHED: Final = ".unfinished-"


class TrainingSetError(ValueError):
    """A training set is not there, or not what its manifest says; the message names the hash and what to do."""


@dataclass(frozen=True)
class Origin:
    """What a frame does not know of itself.

    Attributes:
        feature_versions: feature view to version.
        data_until: last day whose events the labels could see.
        snapshot_id: names the state of the raw tables.
        stored_at: instant, ISO 8601.
    """

    model: str
    feature_versions: dict[str, int]
    data_until: str
    snapshot_id: str
    code_version: str
    stored_at: str


@dataclass(frozen=True)
class Manifest:
    """What a stored set is made of; `columns` maps each column to its type, `features` names those a model reads."""

    content_hash: str
    origin: Origin
    entity: str
    label: str
    horizon_days: int
    confirm_days: int
    rows: int
    positives: int
    first_as_of: str | None
    last_as_of: str | None
    columns: dict[str, str]
    features: list[str]


def store(folder: Path, frame: TrainingFrame, origin: Origin) -> Path:
    """Write a frame below `folder` unless a set of its content is there already; returns the set's folder."""
    target = folder / frame.content_hash
    if target.exists():
        return target
    scratch = folder / f"{UNFINISHED}{frame.content_hash}"
    shutil.rmtree(scratch, ignore_errors=True)  # what a killed run left behind
    scratch.mkdir(parents=True)
    frame.data.to_parquet(scratch / ROWS, index=False, compression="zstd")
    with (scratch / MANIFEST).open("w", encoding="utf-8") as file:
        json.dump(asdict(manifest_of(frame, origin)), file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    scratch.rename(target)
    return target


def manifest_of(frame: TrainingFrame, origin: Origin) -> Manifest:
    """The manifest of a frame."""
    days = frame.data["as_of"]
    return Manifest(
        content_hash=frame.content_hash,
        origin=origin,
        entity=frame.entity,
        label=frame.label,
        horizon_days=frame.horizon_days,
        confirm_days=frame.confirm_days,
        rows=len(frame.data),
        positives=int(frame.labels.sum()),
        first_as_of=None if days.empty else str(days.min().date()),
        last_as_of=None if days.empty else str(days.max().date()),
        columns={str(name): str(kind) for name, kind in frame.data.dtypes.items()},
        features=list(frame.feature_names),
    )


def manifests(folder: Path) -> list[Manifest]:
    """Those of all stored sets, oldest first."""
    found = [_manifest(path.parent) for path in folder.glob(f"[!.]*/{MANIFEST}")]
    return sorted(found, key=lambda manifest: manifest.origin.stored_at)


def read(folder: Path, content_hash: str) -> tuple[Manifest, pd.DataFrame]:
    """A stored set by its hash, or by so many first digits as are unique.

    Raises:
        TrainingSetError: no set, or several, begin with these digits; or the rows are not as many as were written.
    """
    found = [path for path in folder.glob(f"{content_hash}*") if path.is_dir()] if content_hash.isalnum() else []
    if len(found) != 1:
        known = ", ".join(f"{manifest.content_hash[:12]} ({manifest.origin.model})" for manifest in manifests(folder))
        msg = f"{len(found) or 'no'} training sets begin with '{content_hash}'; there are: {known or 'none yet'}"
        raise TrainingSetError(msg)
    manifest, rows = _manifest(found[0]), pd.read_parquet(found[0] / ROWS)
    if len(rows) != manifest.rows:
        msg = f"training set {manifest.content_hash} has {len(rows)} rows, not {manifest.rows}: its file was changed"
        raise TrainingSetError(msg)
    return manifest, rows


def prune(folder: Path, in_use: Collection[str]) -> list[str]:
    """Delete sets that nothing needs: neither named in `in_use` nor the newest of its model. Returns their hashes."""
    stored = manifests(folder)
    newest = {manifest.origin.model: manifest.content_hash for manifest in stored}
    kept = {*in_use, *newest.values()}
    old = [manifest.content_hash for manifest in stored if manifest.content_hash not in kept]
    for name in old:
        shutil.rmtree(folder / name)
    return old


def differences(manifest: Manifest, rows: pd.DataFrame, rebuilt: TrainingFrame) -> list[str]:
    """How a rebuilt frame differs from a stored set, as sentences; empty when it is the same to the last bit."""
    if rebuilt.content_hash == manifest.content_hash:
        return []
    said = _column_differences(manifest, rebuilt)
    keys = [manifest.entity, "as_of"]
    both = rows.merge(
        rebuilt.data, on=keys, how="outer", validate="one_to_one", indicator="side", suffixes=("", "__new")
    )
    gone, new = int(both["side"].eq("left_only").sum()), int(both["side"].eq("right_only").sum())
    said += [f"{gone:,} stored rows are not made any more"] if gone else []
    said += [f"{new:,} rows are made that were not stored"] if new else []
    shared = both[both["side"].eq("both")]
    for name in rows.columns:
        if f"{name}__new" in shared and (changed := _changed(shared[name], shared[f"{name}__new"])):
            kind = "label" if name == manifest.label else "column"
            said.append(f"{kind} {name} differs in {changed:,} of {len(shared):,} rows")
    return said or ["all values are equal, but the features are declared otherwise (their wording, driver or unit)"]


def _column_differences(manifest: Manifest, rebuilt: TrainingFrame) -> list[str]:
    said = []
    if (rebuilt.horizon_days, rebuilt.confirm_days) != (manifest.horizon_days, manifest.confirm_days):
        then, now = manifest.horizon_days + manifest.confirm_days, rebuilt.gap_days
        said.append(f"a label is certain {now} days after as_of now, not {then}: the company's settings have changed")
    if list(rebuilt.feature_names) != manifest.features:
        other = sorted(set(rebuilt.feature_names) ^ set(manifest.features))
        said.append(f"the model reads other features: {', '.join(other) or 'the same in another order'}")
    made = {str(name) for name in rebuilt.data.columns}
    lost, added = sorted(manifest.columns.keys() - made), sorted(made - manifest.columns.keys())
    said += [f"columns are gone: {', '.join(lost)}"] if lost else []
    return said + ([f"columns are new: {', '.join(added)}"] if added else [])


def _changed(old: "pd.Series[Any]", new: "pd.Series[Any]") -> int:
    return int((old.ne(new) & ~(old.isna() & new.isna())).sum())


def _manifest(folder: Path) -> Manifest:
    facts = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    return Manifest(**facts | {"origin": Origin(**facts["origin"])})
