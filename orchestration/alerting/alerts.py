"""Alerts as values: messages, open incidents, and what is still to be delivered; pure but for the senders handed in.

Belongs here: one message per incident, its reminder and its end, and delivery that forgets nothing. Does not belong
here: how a message travels (`orchestration.alerting.alert_channels`), what an incident is (`orchestration.sensors`).

Everything lives in the cursor of a sensor, so a restart neither repeats nor loses a message. Killed in the middle of a
delivery, a tick delivers again: the message's `id` is the same then.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

# What differs between two failures of one cause: numbers, names of runs, addresses in memory.
VARYING: Final = re.compile(r"\b0x[0-9a-f]+\b|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\d+(?:[.,]\d+)*")
MOST_WAITING: Final = 100
# Slack cuts texts beyond 4,000 characters, and what to do stands at the end.
MOST_LINES: Final = 8
LONGEST_LINE: Final = 400
SECONDS_PER_HOUR: Final = 3600.0


class NotDeliveredError(RuntimeError):
    """A channel did not take a message; the text holds neither address nor secret."""


@dataclass(frozen=True)
class Message:
    """One alert as people read it.

    Attributes:
        id: the same for the same message, however often it is sent.
        kind: `failed`, `recovered`, `still_open`, `warnings`, `stale` or `fresh`.
        lines: what happened, what readers see, what to do.
        link: where to look; empty where there is no such page.
        at: ISO 8601, UTC.
    """

    id: str
    kind: str
    company: str
    title: str
    lines: tuple[str, ...]
    link: str
    at: str

    @property
    def text(self) -> str:
        """The whole message as plain text."""
        return "\n".join([self.title, "", *self.lines, *([self.link] if self.link else [])])


@dataclass(frozen=True)
class Incident:
    """Something that is wrong until it is over.

    Attributes:
        job, steps: whose success ends it: of the job, or of all these steps; empty for what is no run.
        since, told: seconds since 1970; `told` is when the last message about it was made, 0 for never.
        times: how often it was seen.
        evidence: what it was seen by (a run, a snapshot); gives the message its id.
        title, lines, link: of its newest message.
    """

    key: str
    evidence: str
    title: str
    lines: tuple[str, ...]
    link: str
    since: float
    told: float = 0.0
    times: int = 1
    job: str = ""
    steps: tuple[str, ...] = ()


@dataclass(frozen=True)
class Waiting:
    """A message and the channels that have not taken it yet."""

    message: Message
    channels: tuple[str, ...]


@dataclass(frozen=True)
class Memory:
    """What a sensor remembers.

    Attributes:
        after: the newest event that was looked at; None before the first tick.
        digest: when the last digest was made, seconds since 1970.
    """

    after: int | None = None
    digest: float = 0.0
    incidents: Mapping[str, Incident] = field(default_factory=dict)
    outbox: tuple[Waiting, ...] = ()

    @classmethod
    def from_cursor(cls, cursor: str | None) -> "Memory":
        """What the cursor says; nothing without one."""
        if not cursor:
            return cls()
        told = json.loads(cursor)
        incidents = {key: Incident(**_tuples(one)) for key, one in told["incidents"].items()}
        outbox = tuple(Waiting(Message(**_tuples(one["message"])), tuple(one["channels"])) for one in told["outbox"])
        return cls(told["after"], told["digest"], incidents, outbox)

    def as_cursor(self) -> str:
        """The text that `from_cursor` understands."""
        return json.dumps(asdict(self), separators=(",", ":"))


@dataclass(frozen=True)
class Desk:
    """Where messages of one company are made: its name, the channels they go to, and how long until a reminder."""

    company: str
    channels: tuple[str, ...]
    reminder_hours: float

    def opened(self, memory: Memory, incident: Incident, kind: str, now: float) -> Memory:
        """Remember an incident; told of at once if it is new, or again once the reminder is due."""
        known = memory.incidents.get(incident.key)
        if known is None:
            told = replace(incident, told=now)
            identity = f"{incident.key} {incident.evidence}"
            return self.said(_with(memory, told), kind, told.title, told.lines, told.link, now, identity)
        times = known.times + (incident.evidence != known.evidence)
        seen = replace(incident, since=known.since, told=known.told, times=times)
        return _with(memory, seen)

    def reminded(self, memory: Memory, now: float) -> Memory:
        """A reminder of every incident that has lasted for so long since it was last told of."""
        for one in list(memory.incidents.values()):
            # A clock that was put back must not silence an incident until the time comes round again.
            if now - one.told >= self.reminder_hours * SECONDS_PER_HOUR or one.told > now:
                lines = (f"Open since {_day(one.since)}, seen {_times(one.times)}.", *one.lines)
                title, identity = f"Still open: {one.title}", f"{one.key} {one.told}"
                memory = _with(memory, replace(one, told=now))
                memory = self.said(memory, "still_open", title, lines, one.link, now, identity)
        return memory

    def closed(self, memory: Memory, keys: Sequence[str], kind: str, title: str, link: str, now: float) -> Memory:
        """End incidents by one message that names what is over."""
        ended = [memory.incidents[key] for key in keys if key in memory.incidents]
        if not ended:
            return memory
        left = {key: one for key, one in memory.incidents.items() if key not in keys}
        lines = few([f"Over: {one.title} (since {_day(one.since)}, seen {_times(one.times)})" for one in ended])
        identity = " ".join(f"{one.key} {one.since}" for one in ended)
        return self.said(replace(memory, incidents=left), kind, title, lines, link, now, identity)

    def said(
        self, memory: Memory, kind: str, title: str, lines: Sequence[str], link: str, now: float, identity: str
    ) -> Memory:
        """Put a message into the outbox; of too many the oldest are given up."""
        digest = hashlib.sha256(f"{self.company} {kind} {identity}".encode()).hexdigest()[:16]
        message = Message(digest, kind, self.company, title, tuple(lines), link, _instant(now))
        return replace(memory, outbox=(*memory.outbox, Waiting(message, self.channels))[-MOST_WAITING:])


def key_of(*parts: str) -> str:
    """The same key for two failures of one cause: numbers and names of runs in it do not count."""
    return hashlib.sha256("|".join(VARYING.sub("#", part) for part in parts).encode()).hexdigest()[:16]


def few(lines: Sequence[str]) -> list[str]:
    """As many lines as a message holds, none too long, and how many more there are."""
    shown = [line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]} ..." for line in lines[:MOST_LINES]]
    return shown + ([f"... and {len(lines) - MOST_LINES} more."] if len(lines) > MOST_LINES else [])


def deliver(
    memory: Memory, senders: Mapping[str, Callable[[Message], None]], is_time_over: Callable[[], bool] = lambda: False
) -> tuple[Memory, list[str], list[str]]:
    """Try to send what waits; returns what still waits, what was sent, and what went wrong.

    A channel that fails is left alone until the next call, the others go on; a channel that is no longer there is
    given up. Once the time is over nothing more is begun: Dagster ends a tick that takes too long, and what it had sent
    would be sent again.
    """
    sent: list[str] = []
    failed: dict[str, str] = {}
    left: list[Waiting] = []
    for waiting in memory.outbox:
        pending = [channel for channel in waiting.channels if channel in senders]
        for channel in list(pending):
            if channel in failed or is_time_over():
                continue
            try:
                senders[channel](waiting.message)
            except NotDeliveredError as error:
                failed[channel] = str(error)
            else:
                sent.append(f"{channel}: {waiting.message.title}")
                pending.remove(channel)
        if pending:
            left.append(replace(waiting, channels=tuple(pending)))
    return replace(memory, outbox=tuple(left)), sent, [f"{channel}: {why}" for channel, why in failed.items()]


def _with(memory: Memory, incident: Incident) -> Memory:
    return replace(memory, incidents={**memory.incidents, incident.key: incident})


def _tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    """JSON knows no tuples."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _instant(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
