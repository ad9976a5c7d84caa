"""Who holds a company: the process with the run lock, looked at without taking it.

Belongs here: reading the lock and the processes that a note names. Does not belong here: taking it
(`orchestration.exclusive`).
"""

import os
from pathlib import Path

from orchestration.exclusive import LOCK

# Linux lists every lock; a try to take it, even for a moment, would turn a run away that starts just then.
LOCKS = Path("/proc/locks")


def holder(state: Path) -> int | None:
    """The process that holds the company's state; None when nobody does."""
    lock = state / LOCK
    if not lock.exists():
        return None
    noted = lock.read_text().strip()
    if not noted.isdigit() or not is_alive(int(noted)):
        return None
    return int(noted) if not LOCKS.exists() or _is_locked(lock) else None


def is_alive(pid: int) -> bool:
    """Whether a process with this number exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _is_locked(file: Path) -> bool:
    inode = str(file.stat().st_ino)
    return any(
        line.split()[5].rsplit(":", 1)[-1] == inode for line in LOCKS.read_text().splitlines() if "->" not in line
    )
