"""A disk of a few megabytes that a test fills and frees.

Belongs here: mounting one (only where that is permitted) and leaving so much of it. Does not belong here: what should
be true of a full disk.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class SmallDisk:
    """A mounted disk whose size a test sets."""

    folder: Path

    def leave(self, megabytes: float) -> None:
        """Make it so large that so many megabytes are free."""
        at = os.statvfs(self.folder)
        size = (at.f_blocks - at.f_bfree) * at.f_frsize + int(megabytes * 1e6)
        _mount("-o", f"remount,size={max(size, at.f_frsize)}", str(self.folder))

    def free(self) -> int:
        """Bytes that are free."""
        at = os.statvfs(self.folder)
        return at.f_bavail * at.f_frsize


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A disk of one megabyte."""
    folder = tmp_path / "small_disk"
    folder.mkdir()
    if not _mount("-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)):
        pytest.skip("mounting a small disk is not permitted here")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["/bin/umount", "-l", str(folder)], check=True)  # noqa: S603 - our own folder


def _mount(*options: str) -> bool:
    mount = shutil.which("mount")
    return mount is not None and not subprocess.run([mount, *options], capture_output=True, check=False).returncode  # noqa: S603
