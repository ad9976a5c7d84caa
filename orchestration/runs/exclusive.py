"""One writer at a time for a company, whatever started it, and order after a run that was killed.

Belongs here: the lock on the company's state, which runs, commands and backfills queue on; the notes by which a living
run is told from a dead one. Both are locks of the system (`flock`), which end with their process however it ends, so
nothing here guesses from ages or process numbers. Does not belong here: the warehouse's
own lock (`orchestration.resources`), what a run does, ending what is dead (`orchestration.runs.dead_runs`).
"""

import fcntl
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from orchestration.storage import DeploymentError

LOCK = "run.lock"
LIVE = "live_runs"
POLL_SECONDS = 0.5
# Whoever looks whether a lock is held holds it for an instant; a refusal takes so many tries.
TRIES = 4
NOTE_BYTES = 512

Tell = Callable[[str], None]


class AnotherRunError(RuntimeError):
    """Another run of the same company is under way; the message names its process."""


class KilledRunError(RuntimeError):
    """The run that this process should do a step of does not live any more; the message names it."""


@dataclass(frozen=True)
class Holder:
    """Who holds a company: its process, what it does, and the Dagster run if it is one."""

    process: int
    what: str
    run_id: str = ""

    def __str__(self) -> str:
        """The holder in words."""
        return f"process {self.process}, {self.what}" + (f" {self.run_id[:8]}" if self.run_id else "")


@dataclass
class _Hold:
    """The lock as this process has it: which thread, and what each entry of it said it does."""

    descriptor: int
    thread: int
    holders: list[Holder] = field(default_factory=list)

    def say(self) -> None:
        """Write the innermost holder into the file; nobody's name stands there once it is let go of.

        The same number of bytes each time, in place: also on a full disk.
        """
        text = json.dumps(asdict(self.holders[-1])) if self.holders else ""
        os.pwrite(self.descriptor, text.ljust(NOTE_BYTES).encode(), 0)


_holds: dict[Path, _Hold] = {}
# Open until the process ends, hence descriptors: a file object would complain then.
_live: dict[Path, int] = {}
_guard = threading.Lock()


@contextmanager
def only_run(state: Path, what: str = "a command", *, wait: Tell | None = None) -> Iterator[None]:
    """Hold the company's state; the system lets go of it when the process ends, however it ends.

    A thread that holds it enters again without waiting: `make run` holds it around its jobs.

    Args:
        what: what holds it, in the words that others read.
        wait: told once who holds it before waiting for the end; without it nothing is waited for.

    Raises:
        AnotherRunError: another process or thread holds it, and `wait` is not given.
        DeploymentError: the state lies on a file system without locks.
    """
    with _held(state, Holder(os.getpid(), what), wait):
        yield


@contextmanager
def living_run(state: Path, run_id: str, job: str, tell: Tell) -> Iterator[bool]:
    """Hold the company for a Dagster run, and show that its process lives until the process ends.

    A step process does not wait: its parent holds the company for it, or was killed, and then nobody asks for the step.

    Args:
        tell: told once who holds the company if it has to be waited for.

    Yields:
        Whether this process holds the company (False: its parent does).

    Raises:
        KilledRunError: the run's own process was killed before this step of it began.
        DeploymentError: the state lies on a file system without locks.
    """
    is_step = _show_life(state, run_id)
    if _is_held_for(state, run_id):
        yield False
        return
    if is_step:
        msg = f"Run {run_id[:8]} was killed before this step of it began."
        raise KilledRunError(msg)
    with _held(state, Holder(os.getpid(), f"job {job}, run", run_id), tell):
        yield True


def holder(state: Path) -> Holder | None:
    """Who holds the company now, or whoever was killed while holding it; None where nobody is."""
    try:
        text = (state / LOCK).read_text()
        return Holder(**json.loads(text)) if text.strip() else None
    except (FileNotFoundError, TypeError, ValueError):
        # Half a line while the holder writes it, or the number alone that an earlier version wrote.
        return None


def living_holder(state: Path) -> Holder | None:
    """Who holds the company now; None where nobody alive does."""
    return holder(state) if is_held(state) else None


def is_held(state: Path) -> bool:
    """Whether a living process holds the company."""
    return _is_locked(state / LOCK, fcntl.LOCK_SH)


def live_runs(state: Path) -> list[Path]:
    """The notes of runs that began here and were not yet found to be over; a note's name is its run's id."""
    return sorted((state / LIVE).glob("[!.]*"))


def lives(note: Path) -> bool:
    """Whether a process of the run that left the note lives."""
    return _is_locked(note, fcntl.LOCK_EX)


def forget(note: Path) -> None:
    """Remove the note of a run that is over."""
    with _guard:
        descriptor = _live.pop(note, None)
    if descriptor is not None:
        os.close(descriptor)
    note.unlink(missing_ok=True)


@contextmanager
def _held(state: Path, by: Holder, wait: Tell | None) -> Iterator[None]:
    state.mkdir(parents=True, exist_ok=True)
    path = state / LOCK
    _take(path, wait)
    hold = _holds[path]
    try:
        _wait_for_orphans(state, hold, wait)
        hold.holders.append(by)
        hold.say()
        yield
    finally:
        _let_go(path, by)


def _take(path: Path, wait: Tell | None) -> None:
    tries, told = 1, False
    while not _took(path):
        by = holder(path.parent)
        who = f"Another run is under way ({by})." if by else "Another run is under way."
        if wait is None and tries == TRIES:
            msg = f"{who} Wait for its end, or stop it, and run again."
            raise AnotherRunError(msg)
        if wait is not None and not told and tries == TRIES:
            wait(f"{who} Waiting for its end.")
            told = True
        time.sleep(POLL_SECONDS if told else POLL_SECONDS / TRIES)
        tries += tries < TRIES


def _took(path: Path) -> bool:
    with _guard:
        hold = _holds.get(path)
        if hold is not None:
            return hold.thread == threading.get_ident()
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
        try:
            _lock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, path)
        except BlockingIOError:
            os.close(descriptor)
            return False
        _holds[path] = _Hold(descriptor, threading.get_ident())
        return True


def _let_go(path: Path, by: Holder) -> None:
    with _guard:
        hold = _holds[path]
        # Interrupted while it waited for orphans, it leaves the killed run's name to the next one.
        if by in hold.holders:
            hold.holders.remove(by)
            hold.say()
        if not hold.holders:
            del _holds[path]
            os.close(hold.descriptor)


def _wait_for_orphans(state: Path, hold: _Hold, wait: Tell | None) -> None:
    """Step processes that outlive their killed run still write: wait for the end of their step."""
    killed = None if hold.holders else holder(state)
    if killed is None or not killed.run_id:
        return
    note = state / LIVE / killed.run_id
    if wait is not None and lives(note):
        wait(f"Run {killed.run_id[:8]} was killed; a step of it still works. Waiting for its end.")
    while lives(note):
        time.sleep(POLL_SECONDS)


def _is_held_for(state: Path, run_id: str) -> bool:
    """Whether another process holds the company for this very run."""
    by = holder(state)
    return by is not None and by.run_id == run_id and by.process != os.getpid() and is_held(state)


def _show_life(state: Path, run_id: str) -> bool:
    """Keep a locked note of the run until this process ends; it appears under its name only once it is locked.

    Returns:
        Whether another process made the note: this one does a step of that one's run, and shares the lock.
    """
    note = state / LIVE / run_id
    with _guard:
        if note in _live:
            return False
    note.parent.mkdir(parents=True, exist_ok=True)
    is_child = note.exists()
    path = note if is_child else note.with_name(f".{run_id}.{os.getpid()}")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    _lock(descriptor, fcntl.LOCK_SH, path)
    if not is_child:
        path.rename(note)
    with _guard:
        _live[note] = descriptor
    return is_child


def _is_locked(path: Path, kind: int) -> bool:
    """Whether a lock of this kind cannot be had."""
    try:
        with path.open() as file:
            _lock(file.fileno(), kind | fcntl.LOCK_NB, path)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _lock(descriptor: int, kind: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, kind)
    except BlockingIOError:
        raise
    except OSError as error:
        msg = (
            f"{path} cannot be locked ({error.strerror}), and without locks two runs would write at once. Let "
            "LIFECYCLE_STATE_DIR name a folder on a local disk."
        )
        raise DeploymentError(msg) from error
