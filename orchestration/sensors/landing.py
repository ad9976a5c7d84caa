"""New or changed files of the source ask for a refresh, exactly once by content.

Belongs here: what counts as new, what waits, and what the sensor remembers. The watched folder is the one that the
landing reads; what lies in it is `ingestion.contents`. Does not belong here: landing, and what follows a refresh.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from ingestion.contents import Found, Stamp, content_hash, digest_of, files_of
from ingestion.errors import SourceError
from orchestration.coverage import all_months
from orchestration.resources import Deployment

CONTENTS = "contents"
# Beside the warehouse: Dagster keeps the cursor with every tick, which is 4 MB a minute for 20,000 files.
SEEN_FILES = "seen_files.json"
# A tick must end long before the daemon gives up on it (60 seconds); what is not hashed by then waits for the next.
HASHING_SECONDS = 20.0
NAMES_SHOWN = 3


@dataclass(frozen=True)
class Seen:
    """A file as the sensor last saw it.

    Attributes:
        since: when this stamp was first seen, seconds since 1970.
        content: its content hash; None until it was quiet for long enough.
        asked: the content that a request, or an own landing, took in.
        request: that request's number.
    """

    stamp: Stamp
    since: float
    content: str | None = None
    asked: str | None = None
    request: int = 0


@dataclass(frozen=True)
class Look:
    """What one look at the folder found.

    Attributes:
        new: names of files whose content was not asked for yet; empty: nothing to do.
        waits_for: why nothing can be decided yet; empty: it is decided.
    """

    seen: Mapping[str, Seen]
    new: tuple[str, ...] = ()
    waits_for: str = ""

    def asked_in(self, request: int) -> dict[str, Seen]:
        """The files, what is new of them taken in by a request."""
        return {
            **self.seen,
            **{name: replace(self.seen[name], asked=self.seen[name].content, request=request) for name in self.new},
        }


def look(
    before: Mapping[str, Seen], requests: int, files: Mapping[str, Found], now: float, quiet_seconds: float
) -> Look:
    """Compare the files there with what was asked for.

    A file counts once its stamp stood still for `quiet_seconds` of the sensor's own clock: times of change may lie in
    the past (a copy that keeps them) or in the future (another machine's clock). A file that went away asks for
    nothing, what was landed of it stays; should it come back, it is new.

    Args:
        requests: how many are known to be asked for. What a later one took in is new: that tick's end is not on record.
    """
    seen = {name: _seen(before.get(name), one.stamp, now) for name, one in files.items()}
    unquiet = [name for name, one in seen.items() if one.content is None and now - one.since < quiet_seconds]
    if unquiet:
        return Look(seen, waits_for=f"still being written, or only just seen: {_named(unquiet)}")
    unread = _read(seen, files)
    new = [name for name, one in seen.items() if one.content != one.asked or one.request > requests]
    return Look(seen, () if unread else tuple(new), unread)


def _seen(before: Seen | None, stamp: Stamp, now: float) -> Seen:
    if before is None:
        return Seen(stamp, now)
    if before.stamp != stamp:
        return replace(before, stamp=stamp, since=now, content=None)
    # A clock that was put back must not make a file wait for the time to come round again.
    return replace(before, since=now) if before.since > now else before


def _read(seen: dict[str, Seen], files: Mapping[str, Found]) -> str:
    """Hash what was not yet, as far as the time allows; why some are left, empty where none is."""
    deadline, failed = time.monotonic() + HASHING_SECONDS, ""
    for name in [name for name, one in seen.items() if one.content is None]:
        if time.monotonic() > deadline:
            return f"the content of {name} and later files is not read"
        try:
            seen[name] = replace(seen[name], content=content_hash(files[name].path))
        except SourceError as error:
            failed = failed or str(error)
    return failed


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(names[:NAMES_SHOWN]) + more


def remembered(path: Path) -> dict[str, Seen]:
    """The files as the last tick kept them; nothing where that is lost, which costs a landing without effect."""
    try:
        rows = json.loads(path.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return {name: Seen((size, changed, noted), *rest) for name, ((size, changed, noted), *rest) in rows.items()}


def remember(path: Path, seen: Mapping[str, Seen]) -> None:
    """Keep the files for the next tick, at once and whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    being_written = path.with_suffix(".tmp")
    being_written.write_text(json.dumps({name: astuple(one) for name, one in seen.items()}, separators=(",", ":")))
    being_written.replace(path)


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
            files = files_of(folder, company.source)
        except SourceError as error:
            return dg.SkipReason(str(error))
        if not files:
            return dg.SkipReason(f"No file of the source lies in {folder}. {company.source.get}".strip())
        return _evaluated(context, deployment, files)

    return watch


def _evaluated(
    context: dg.SensorEvaluationContext, deployment: Deployment, files: Mapping[str, Found]
) -> dg.SensorResult:
    company, now = deployment.company, time.time()
    path = deployment.state / SEEN_FILES
    before, requests = remembered(path), json.loads(context.cursor or "{}").get("requests", 0)
    found = look(before, requests, files, now, company.automation.quiet_seconds)
    content = digest_of({name: one.content or "" for name, one in found.seen.items()})
    landed, landing_run = _landed(context.instance, deployment)
    months = all_months(company, datetime.fromtimestamp(now, UTC))
    request, why = None, ""
    if found.waits_for:
        why = f"Waiting: {found.waits_for}."
    elif not found.new:
        why = f"Nothing new among {len(files)} files."
    elif content == landed:
        found, why = replace(found, seen=found.asked_in(requests)), "A run has landed these files already."
    elif months is None:
        why = f"No month of {company.name} is over yet; it begins on {company.history_starts_on}."
    else:
        requests += 1
        context.log.info(f"new or changed: {_named(found.new)}")
        request = dg.RunRequest(run_key=f"{requests}-{landing_run}-{content}", tags=dict(months))
        found = replace(found, seen=found.asked_in(requests))
    if found.seen != before:
        remember(path, found.seen)
    asked = [request] if request else []
    return dg.SensorResult(asked, skip_reason=why or None, cursor=json.dumps({"requests": requests}))


def _landed(instance: dg.DagsterInstance, deployment: Deployment) -> tuple[str | None, str]:
    """What the newest landing found, whoever launched it, and its run; none where its warehouse is gone."""
    event = instance.get_latest_materialization_event(deployment.asset_key("control", "loads"))
    if event is None or event.asset_materialization is None or not deployment.warehouse_path.exists():
        return None, "first"
    found = event.asset_materialization.metadata.get(CONTENTS)
    return (str(found.value) if found else None), event.run_id[:8]
