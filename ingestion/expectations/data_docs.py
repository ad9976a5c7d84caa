"""Data Docs: a static site that shows what is expected of each raw table and how the newest landing did.

Belongs here: pages made from reports. They need no network, no script and no server: Great Expectations' own pages load
their style sheets from the internet and are bare text without it. Does not belong here: evaluating (`evaluation`).
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from html import escape
from inspect import getdoc
from pathlib import Path

from ingestion.contract import TABLES
from ingestion.expectations.outcomes import Outcome, Suite, TableReport
from ingestion.expectations.page_style import STYLE

INDEX = "index.html"
TITLES: dict[Suite, str] = {
    "contract": "What the contract demands",
    "history": "What its own history lets one expect",
}


@dataclass(frozen=True)
class Occasion:
    """What the pages are about.

    Attributes:
        company: title of the company.
        until: the last day its source covers.
        made_at: when the expectations were evaluated, naive UTC.
    """

    company: str
    until: date
    made_at: datetime


def write(folder: Path, occasion: Occasion, reports: Sequence[TableReport]) -> Path:
    """Write the site for all tables in place of an earlier one; returns its first page."""
    folder.mkdir(parents=True, exist_ok=True)
    for report in reports:
        page(folder, report.table).write_text(_table_page(occasion, report), encoding="utf-8")
    facts = json.dumps([asdict(report) for report in reports], default=str, indent=1)
    (folder / "results.json").write_text(facts, encoding="utf-8")
    index = folder / INDEX
    index.write_text(_index_page(occasion, reports), encoding="utf-8")
    return index


def page(folder: Path, table: str) -> Path:
    """Where the page of a raw table lies."""
    return folder / f"{table}.html"


def _index_page(occasion: Occasion, reports: Sequence[TableReport]) -> str:
    filled = [report for report in reports if report.rows]
    outcomes = [outcome for report in reports for outcome in report.outcomes]
    failed = [outcome for outcome in outcomes if not outcome.passed]
    cards = _cards(
        ("tables with rows", f"{len(filled)} of {len(reports)}"),
        ("expectations", f"{len(outcomes):,}"),
        ("critical failures", str(sum(outcome.severity == "critical" for outcome in failed))),
        ("warnings", str(sum(outcome.severity == "warning" for outcome in failed))),
    )
    head = ("Table", "State", "#Versions", "#Contract", "#History", "Newest complete month", "Not compared")
    rows = "".join(_index_row(report) for report in [*filled, *(report for report in reports if not report.rows)])
    body = f"""<h1>{escape(occasion.company)}: Data Docs</h1>
<p class="soft">What is expected of the raw tables at the source border, and what the newest landing made of it.
{_moment(occasion)}</p>
{cards}
<h2>Raw tables</h2>
{_table(head, rows)}
<p class="soft">Contract and history: expectations that hold, of those evaluated. A contract failure stops the run; a
history failure is a warning for a person; a new word is only told.</p>"""
    return _html(f"{occasion.company}: Data Docs", body)


def _index_row(report: TableReport) -> str:
    cells = [
        f'<td class="name"><a href="{report.table}.html">{report.table}</a></td>',
        f"<td>{_state(report)}</td>",
        f'<td class="number">{report.rows:,}</td>',
        f'<td class="number">{_held(report.of("contract"))}</td>',
        f'<td class="number">{_held(report.of("history"))}</td>',
        f"<td>{f'{report.month:%Y-%m}' if report.rows else ''}</td>",
        f'<td class="soft">{_short(report)}</td>',
    ]
    return f"<tr>{''.join(cells)}</tr>"


def _short(report: TableReport) -> str:
    """The subjects of a table's notes: "Volume is not compared: ..." is "volume"."""
    if not report.rows:
        return ""
    return ", ".join(note.split(" ", 1)[0].lower() for note in report.notes)


def _table_page(occasion: Occasion, report: TableReport) -> str:
    table = TABLES[report.table]
    cards = _cards(
        ("versions in the table", f"{report.rows:,}"),
        ("rows looked at one by one", f"{report.rows_read:,}"),
        ("expectations that hold", _held(report.outcomes)),
        ("newest complete month", f"{report.month:%Y-%m}"),
    )
    notes = "".join(f"<li>{escape(note)}</li>" for note in report.notes)
    order: tuple[Suite, Suite] = ("contract", "history") if report.failed("contract") else ("history", "contract")
    suites = "".join(_suite(TITLES[suite], report.of(suite)) for suite in order if report.of(suite))
    body = f"""<p><a href="{INDEX}">All tables</a></p>
<h1>raw.{report.table} {_state(report)}</h1>
<p class="soft">{escape(getdoc(table.schema) or "")} One row is {escape(table.grain)} and version.
{_moment(occasion)}</p>
{cards}
{f'<h2>What is not compared</h2><ul class="notes">{notes}</ul>' if notes else ""}
{suites}
<h2>Columns</h2>
{_table(("Column", "Kind", "May be missing", "Meaning"), "".join(_column_rows(report.table)))}"""
    return _html(f"raw.{report.table}: Data Docs", body)


def _suite(title: str, outcomes: Sequence[Outcome]) -> str:
    ordered = [*(each for each in outcomes if not each.passed), *(each for each in outcomes if each.passed)]
    head = ("State", "Column", "Expected", "Found", "Severity")
    return f"<h2>{title}</h2>{_table(head, ''.join(_outcome_row(each) for each in ordered))}"


def _outcome_row(outcome: Outcome) -> str:
    samples = f'<br><span class="soft">such as {escape(", ".join(outcome.samples))}</span>' if outcome.samples else ""
    return (
        f'<tr class="{"" if outcome.passed else f"failed {outcome.severity}"}">'
        f"<td>{_pill('holds', '') if outcome.passed else _pill('fails', outcome.severity)}</td>"
        f'<td class="name">{escape(outcome.subject)}</td>'
        f'<td title="{outcome.expectation}">{escape(outcome.statement)}</td>'
        f"<td>{escape(outcome.observed)}{samples}</td>"
        f'<td class="soft">{outcome.severity}</td></tr>'
    )


def _column_rows(table: str) -> Iterable[str]:
    for column in TABLES[table].columns:
        may = "yes" if column.nullable else "no"
        yield (
            f'<tr><td class="name">{column.name}</td><td>{column.kind}</td><td>{may}</td>'
            f"<td>{escape(column.description)}</td></tr>"
        )


def _state(report: TableReport) -> str:
    if not report.rows:
        return _pill("no rows", "empty")
    failed = report.failed()
    if not failed:
        return _pill("as expected", "")
    worst = failed[0].severity
    return _pill({"critical": "breaks the contract", "warning": "unusual", "info": "new words"}[worst], worst)


def _pill(text: str, kind: str) -> str:
    return f'<span class="pill {kind}">{text}</span>'


def _held(outcomes: Sequence[Outcome]) -> str:
    return f"{sum(outcome.passed for outcome in outcomes)} of {len(outcomes)}" if outcomes else "–"


def _moment(occasion: Occasion) -> str:
    return f"Evaluated {occasion.made_at:%Y-%m-%d %H:%M} UTC; the source covers days up to {occasion.until}."


def _cards(*facts: tuple[str, str]) -> str:
    cards = "".join(f'<div class="card"><strong>{value}</strong><span class="soft">{label}</span></div>'
                    for label, value in facts)  # fmt: skip
    return f'<div class="cards">{cards}</div>'


def _table(head: Sequence[str], rows: str) -> str:
    """A table; a heading that begins with # is one of numbers."""
    cells = "".join(f'<th class="number">{cell[1:]}</th>' if cell[0] == "#" else f"<th>{cell}</th>" for cell in head)
    return f'<div class="scroll"><table><thead><tr>{cells}</tr></thead><tbody>{rows}</tbody></table></div>'


def _html(title: str, body: str) -> str:
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{STYLE}</style>
</head>
<body><main>
{body}
<footer>Evaluated by Great Expectations; the same facts for machines: <a href="results.json">results.json</a>.</footer>
</main></body>
</html>
"""
