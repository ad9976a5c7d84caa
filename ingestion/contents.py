"""Which files a source holds and what is in them: names, stamps and content hashes.

Belongs here: finding the files that a landing would read and telling whether their content is another one. Does not
belong here: reading their rows (`ingestion.files`), deciding when to land.
"""

import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from companies.mapping import Source
from ingestion.errors import SourceError

CHUNK: Final = 1 << 20
# 64 bits: among a million contents two are alike once in 37 million such sets.
DIGITS: Final = 16
# Bytes, time of the last change, time of the last note of a change; see `Found`.
Stamp = tuple[int, int, int]


@dataclass(frozen=True)
class Found:
    """A file as the file system describes it; equal stamps are taken for equal content.

    Attributes:
        stamp: bytes, the time of the last change, and the time at which the file system noted a change, both in
            nanoseconds since 1970. The first time can be set by whoever copies a file, the second cannot.
    """

    path: Path
    stamp: Stamp


def files_of(folder: Path, source: Source) -> dict[str, Found]:
    """The files that a landing would read, by their path below the source's folder, sorted.

    Raises:
        SourceError: the folder is missing or may not be read; the message names it.
    """
    try:
        with os.scandir(folder):
            paths = sorted({path for file in source.files.values() for path in folder.glob(file.path)})
    except OSError as error:
        msg = f"the folder {folder} cannot be read: {error.strerror}. {source.get}".strip()
        raise SourceError(msg) from error
    found = {path.relative_to(folder).as_posix(): _found(path) for path in paths}
    return {name: one for name, one in found.items() if one is not None}


def _found(path: Path) -> Found | None:
    """The file's stamp; None for what is no file, or none any more."""
    try:
        told = path.stat()
    except FileNotFoundError:
        return None
    stamp = (told.st_size, told.st_mtime_ns, told.st_ctime_ns)
    return Found(path, stamp) if stat.S_ISREG(told.st_mode) else None


def content_hash(path: Path) -> str:
    """The first digits of the sha256 of a file's bytes.

    Raises:
        SourceError: the file may not be read, or is gone; the message names it.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
    except OSError as error:
        msg = f"the file {path} cannot be read: {error.strerror}."
        raise SourceError(msg) from error
    return digest.hexdigest()[:DIGITS]


def digest_of(hashes: Mapping[str, str]) -> str:
    """One name for the contents of all files: equal files under equal names give the same."""
    lines = "".join(f"{name}\0{hashes[name]}\n" for name in sorted(hashes))
    return hashlib.sha256(lines.encode()).hexdigest()[:DIGITS]
