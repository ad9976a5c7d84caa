"""Pages that keep, beside each definition, its version and a fingerprint of its meaning.

Belongs here: reading a page's record back, and finding what changed its meaning under an old version. Does not belong
here: what makes up a meaning (`orchestration.metrics.metric_layer`, `orchestration.reports.feature_meaning`) or a
page's text.
"""

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

RECORD = re.compile(r"^## (\w+)$.*?^version (\d+), meaning `(\w+)`", re.MULTILINE | re.DOTALL)


class Versioned(Protocol):
    """What has a meaning that may change, and a version that says so."""

    @property
    def name(self) -> str:
        """Heading of its section."""

    @property
    def version(self) -> int:
        """Raised when the meaning changes."""

    @property
    def fingerprint(self) -> str:
        """Changes when the meaning does."""


def stated(one: Versioned) -> str:
    """The line of a section that `versions_on_record` reads."""
    return f"version {one.version}, meaning `{one.fingerprint}`\n"


def versions_on_record(page: str) -> Mapping[str, tuple[int, str]]:
    """Name to the version and fingerprint that the page states."""
    return {name: (int(version), meaning) for name, version, meaning in RECORD.findall(page)}


def changed_without_a_version(definitions: Sequence[Versioned], page: str) -> list[str]:
    """Those whose meaning is not the one on record although their version is, or whose version went back."""
    record = versions_on_record(page)
    return [
        one.name
        for one in definitions
        if one.name in record
        and one.version <= record[one.name][0]
        and (one.version, one.fingerprint) != record[one.name]
    ]


def write(page: Path, definitions: Sequence[Versioned], text: str, *, kept_in: str) -> int:
    """Write the page; refuses, with exit code 1, while a meaning changed without a new version.

    Args:
        kept_in: where a person raises the version.
    """
    changed = changed_without_a_version(definitions, page.read_text(encoding="utf-8")) if page.exists() else []
    if changed:
        sys.stderr.write(f"Raise the version of {', '.join(changed)} in {kept_in}: the meaning changed.\n")
        return 1
    page.write_text(text, encoding="utf-8")
    return 0
