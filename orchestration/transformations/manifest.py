"""dbt's manifest: made when it is missing or older than the dbt project, so that no step has to be run by hand.

Belongs here: finding out whether the manifest is stale and parsing the project. Does not belong here: assets.
Every process that loads the definitions calls `fresh_manifest`; only the first after a change pays for the parse.
"""

import hashlib
import os
import tempfile
from importlib.metadata import version
from pathlib import Path

from dagster_dbt import DbtProject

from orchestration.resources import DBT_FOLDER
from orchestration.transformations.dbt_calls import DbtError, call
from orchestration.transformations.lean_dbt import PARSED, dbt_executable

SEMANTIC_MANIFEST = "semantic_manifest.json"
# A manifest that an earlier version of ours only parsed is none.
COMPILED = b"compiled"
PATTERNS = ("models/**/*", "macros/**/*", "seeds/**/*", "tests/**/*", "snapshots/**/*", "*.yml")


class ManifestError(RuntimeError):
    """dbt could not parse its project; the message is dbt's."""


def project() -> DbtProject:
    """The dbt project, with a manifest that is up to date."""
    fresh_manifest()
    return DbtProject(project_dir=DBT_FOLDER, profiles_dir=DBT_FOLDER)


def fresh_manifest(folder: Path = DBT_FOLDER) -> Path:
    """Path of the manifest, parsed anew if any file of the project changed since.

    Raises:
        ManifestError: dbt refuses the project.
    """
    manifest, stamp = folder / "target" / "manifest.json", folder / "target" / "manifest.fingerprint"
    if not is_fresh(folder):
        fingerprint = _fingerprint(folder)
        _parse(folder, manifest)
        stamp.write_text(fingerprint)
    return manifest


def is_fresh(folder: Path = DBT_FOLDER) -> bool:
    """Whether there is a manifest, made of the project's files as they are."""
    manifest, stamp = folder / "target" / "manifest.json", folder / "target" / "manifest.fingerprint"
    return manifest.exists() and stamp.exists() and stamp.read_text() == _fingerprint(folder)


def _fingerprint(folder: Path) -> str:
    files = sorted({path for pattern in PATTERNS for path in folder.glob(pattern) if path.is_file()})
    digest = hashlib.sha256(COMPILED)
    # What one dbt parsed, another may not read.
    digest.update("".join(version(package) for package in ("dbt-core", "dbt-duckdb")).encode())
    for path in files:
        digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _parse(folder: Path, manifest: Path) -> None:
    """Parse into a folder of its own and move the result, so that a reader never sees half a manifest."""
    manifest.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=manifest.parent) as scratch:
        try:
            # Compiled, so that the manifest holds the SQL that column lineage is read from; its warehouse is empty.
            call(
                [dbt_executable(), "--quiet", "--no-use-colors", "compile", "--select", "resource_type:model"],
                warehouse=Path(scratch) / "warehouse.duckdb",
                target=Path(scratch),
                folder=folder,
            )
        except DbtError as error:
            msg = f"dbt cannot parse its project in {folder}:\n{error}"
            raise ManifestError(msg) from error
        for name in (SEMANTIC_MANIFEST, PARSED, "manifest.json"):
            os.replace(Path(scratch) / name, manifest.parent / name)  # noqa: PTH105 - atomic within one folder
