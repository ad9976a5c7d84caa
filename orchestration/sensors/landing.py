"""New or changed files of the source ask for a refresh, exactly once by content.

Belongs here: what counts as new, what waits, and what the sensor remembers. The watched folder is the one that the
landing reads; what lies in it is `ingestion.contents`. Does not belong here: landing, and what follows a refresh.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from ingestion.contents import Found, content_hash, digest_of, files_of
from ingestion.errors import SourceError
from orchestration.coverage import all_months
from orchestration.resources import Deployment

CONTENTS = "contents"
# A tick must end long before the daemon gives up on it (60 seconds); what is not hashed by then waits for the next.
HASHING_SECONDS = 20.0
NAMES_SHOWN = 3


@dataclass(frozen=True)
class Seen:
    """A file as the sensor last saw it.

    Attributes:
        since: when this size and time of change were first seen, seconds since 1970.
        content: its content hash; None until it was quiet for long enough.
    """

    size: int
    changed_ns: int
    since: float
    content: str | None = None


@dataclass(frozen=True)
class Memory:
    """The cursor: what was asked for, and a cache of what the files hold.

    Attributes:
        requests: how many refreshes were asked for; part of the run key, so that content that comes back is new.
        asked: the content of each file that the newest request, or an own landing, took in.
        seen: the files by name.
    """

    requests: int = 0
    asked: Mapping[str, str] = field(default_factory=dict)
    seen: Mapping[str, Seen] = field(default_factory=dict)

    @classmethod
    def from_cursor(cls, cursor: str | None) -> "Memory":
        """What the cursor says; nothing without one."""
        if not cursor:
            return cls()
        told = json.loads(cursor)
        return cls(told["requests"], told["asked"], {name: Seen(**seen) for name, seen in told["seen"].items()})

    def as_cursor(self) -> str:
        """The text that `from_cursor` understands."""
        return json.dumps(asdict(self), separators=(",", ":"))


@dataclass(frozen=True)
class Look:
    """What one look at the folder found.

    Attributes:
        new: names of files whose content was not asked for yet; empty: nothing to do.
        waits_for: why nothing can be decided yet; empty: it is decided.
    """

    memory: Memory
    new: tuple[str, ...] = ()
    waits_for: str = ""


def look(memory: Memory, files: Mapping[str, Found], now: float, quiet_seconds: float) -> Look:
    """Compare the files there with what was asked for.

    A file counts once its size and time of change stood still for `quiet_seconds` of the sensor's own clock: times of
    change may lie in the past (a copy that keeps them) or in the future (another machine's clock). A file that went
    away asks for nothing, what was landed of it stays.

    Raises:
        SourceError: a file may not be read.
    """
    seen = {name: _seen(memory.seen.get(name), one, now) for name, one in files.items()}
    unquiet = [name for name, one in seen.items() if one.content is None and now - one.since < quiet_seconds]
    if unquiet:
        return Look(replace(memory, seen=seen), waits_for=f"still being written, or only just seen: {_named(unquiet)}")
    deadline = time.monotonic() + HASHING_SECONDS
    for name, one in seen.items():
        if one.content is None:
            if time.monotonic() > deadline:
                return Look(replace(memory, seen=seen), waits_for=f"the content of {name} and later files is not read")
            seen[name] = replace(one, content=content_hash(files[name].path))
    return _compared(memory, seen)


def _seen(before: Seen | None, found: Found, now: float) -> Seen:
    if before is None or (before.size, before.changed_ns) != (found.size, found.changed_ns):
        return Seen(found.size, found.changed_ns, now)
    # A clock that was put back must not make a file wait for the time to come round again.
    return replace(before, since=min(before.since, now))


def _compared(memory: Memory, seen: Mapping[str, Seen]) -> Look:
    there = {name: one.content or "" for name, one in seen.items()}
    new = tuple(name for name, content in there.items() if memory.asked.get(name) != content)
    # Unless something is new, a file that went away is forgotten: should it come back, it is new.
    return Look(Memory(memory.requests + bool(new), there, seen), new)


def _named(names: list[str] | tuple[str, ...]) -> str:
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(names[:NAMES_SHOWN]) + more


def new_files(deployment: Deployment) -> dg.SensorDefinition:
    """The sensor over the folder of a company's source."""
    company = deployment.company
    folder = deployment.source_folder / company.source.folder
    is_on = "new_files" in company.automation.on

    @dg.sensor(
        name="new_files",
        job_name="refresh_features",
        minimum_interval_seconds=company.automation.look_every_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING if is_on else dg.DefaultSensorStatus.STOPPED,
        description=(
            f"Looks at {folder}: a file that is new or changed, and completely written, is landed once by its content. "
            "A file touched without a change, or one that went away, asks for nothing."
        ),
    )
    def watch(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        try:
            return _evaluated(context, deployment, folder)
        except SourceError as error:
            return dg.SkipReason(str(error))

    return watch


def _evaluated(
    context: dg.SensorEvaluationContext, deployment: Deployment, folder: Path
) -> dg.SensorResult | dg.SkipReason:
    company = deployment.company
    files = files_of(folder, company.source)
    if not files:
        return dg.SkipReason(f"No file of the source lies in {folder}. {company.source.get}".strip())
    before = Memory.from_cursor(context.cursor)
    now = time.time()
    found = look(before, files, now, company.automation.quiet_seconds)
    months, content = all_months(company, datetime.fromtimestamp(now, UTC)), digest_of(found.memory.asked)
    if found.waits_for:
        return _nothing(found.memory, f"Waiting: {found.waits_for}.")
    if not found.new:
        return _nothing(found.memory, f"Nothing new among {len(files)} files.")
    if content == _landed_content(context.instance, deployment):
        return _nothing(replace(found.memory, requests=before.requests), "A run has landed these files already.")
    if months is None:
        return dg.SkipReason(f"No month of {company.name} is over yet; it begins on {company.history_starts_on}.")
    context.log.info(f"new or changed: {_named(found.new)}")
    request = dg.RunRequest(run_key=f"{found.memory.requests}-{content}", tags=dict(months))
    return dg.SensorResult([request], cursor=found.memory.as_cursor())


def _nothing(memory: Memory, why: str) -> dg.SensorResult:
    return dg.SensorResult(skip_reason=why, cursor=memory.as_cursor())


def _landed_content(instance: dg.DagsterInstance, deployment: Deployment) -> str | None:
    """The name of the contents that the newest landing found, whoever launched it; None before the first."""
    event = instance.get_latest_materialization_event(deployment.asset_key("control", "loads"))
    found = event.asset_materialization.metadata.get(CONTENTS) if event and event.asset_materialization else None
    return str(found.value) if found else None
