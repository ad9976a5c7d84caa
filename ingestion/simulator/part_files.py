"""Writing the company's folders: Parquet part files, and the swap that makes a finished folder visible.

Belongs here: file names, parts, atomic renaming. Does not belong here: what the tables hold.
"""

import json
import shutil
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq

MANIFEST = "manifest.json"
BLOCKS_PER_PART = 25  # one block is one row group; a part of product usage holds about 4 million rows


class PartWriter:
    """Appends blocks to `<table>-<part>.parquet`, a new part every `BLOCKS_PER_PART` blocks."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[str, tuple[int, pq.ParquetWriter]] = {}
        self.rows: dict[str, int] = {}

    def write(self, name: str, table: pa.Table, block: int) -> None:
        """Write one block of one table."""
        writer = self._writer(name, table.schema, block // BLOCKS_PER_PART)
        writer.write_table(table, row_group_size=max(len(table), 1))
        self.rows[name] = self.rows.get(name, 0) + len(table)

    def _writer(self, name: str, schema: pa.Schema, part: int) -> pq.ParquetWriter:
        number, writer = self._open.get(name, (-1, None))
        if number == part and writer is not None:
            return writer
        if writer is not None:
            writer.close()
        new = pq.ParquetWriter(self._folder / f"{name}-{part:05d}.parquet", schema, compression="zstd")
        self._open[name] = (part, new)
        return new

    def __enter__(self) -> Self:
        """Use as a context, so that every part is closed."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every part."""
        for _, writer in self._open.values():
            writer.close()


def read_manifest(folder: Path) -> dict[str, object] | None:
    """The manifest of a finished folder, None where there is none or it cannot be read."""
    try:
        content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def write_manifest(folder: Path, content: dict[str, object]) -> None:
    """Write the manifest; it belongs into a folder that is otherwise finished."""
    (folder / MANIFEST).write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def fresh(folder: Path) -> Path:
    """An empty folder beside `folder` to build in; what a killed run left there is removed."""
    building = folder.with_name(f".{folder.name}.building")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    return building


def publish(building: Path, folder: Path) -> None:
    """Put a finished folder in the place of the old one by renaming.

    A run killed between the two renames leaves no folder, never half of one; the next run makes it again.
    """
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    building.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
