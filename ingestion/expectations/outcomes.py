"""How expectations turned out, in plain values that a check, a page and a test can use without the library.

Belongs here: one outcome, all outcomes of a table, and how a figure is written in them. Does not belong here:
evaluating (`evaluation`), showing (`data_docs`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal

Severity = Literal["critical", "warning", "info"]
Suite = Literal["contract", "history"]
SEVERITIES: tuple[Severity, ...] = ("critical", "warning", "info")


def number(value: float) -> str:
    """A figure as a person reads it: no decimals where there are thousands, four digits where there are not."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


@dataclass(frozen=True)
class Outcome:
    """One expectation after its evaluation.

    Attributes:
        subject: the column, or the table's name where the expectation is about the whole.
        expectation: its name in Great Expectations.
        statement: what is expected, as a sentence.
        observed: what was found, as text.
        unexpected: rows that do not fit; 0 where the expectation is about an aggregate.
        samples: some of their values, each after the key of its row where rows are looked at one by one.
    """

    suite: Suite
    subject: str
    expectation: str
    severity: Severity
    statement: str
    passed: bool
    observed: str
    unexpected: int = 0
    samples: tuple[str, ...] = ()


@dataclass(frozen=True)
class TableReport:
    """All outcomes of one raw table.

    Attributes:
        rows: versions in the table.
        rows_read: of these, rows that the contract's expectations looked at.
        month: first day of the newest complete month, which is compared with the ones before.
        notes: what was not compared, and why.
    """

    table: str
    rows: int
    rows_read: int
    month: date
    outcomes: tuple[Outcome, ...]
    notes: tuple[str, ...]

    def of(self, suite: Suite) -> tuple[Outcome, ...]:
        """The outcomes of one suite."""
        return tuple(outcome for outcome in self.outcomes if outcome.suite == suite)

    def failed(self, suite: Suite | None = None) -> tuple[Outcome, ...]:
        """What does not hold, most severe first."""
        found = [outcome for outcome in self.outcomes if not outcome.passed and suite in (None, outcome.suite)]
        return tuple(sorted(found, key=lambda outcome: SEVERITIES.index(outcome.severity)))

    def counts(self, suite: Suite) -> Iterator[tuple[Severity, int, int]]:
        """Severity, evaluated and failed, for each severity that the suite uses."""
        for severity in SEVERITIES:
            found = [outcome for outcome in self.of(suite) if outcome.severity == severity]
            if found:
                yield severity, len(found), sum(not outcome.passed for outcome in found)
