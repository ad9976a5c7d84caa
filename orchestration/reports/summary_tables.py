"""The tables of the summary, one function each, from a published snapshot.

Belongs here: reading published tables and laying them out for a terminal. Does not belong here: the order and the
frame of the summary (`orchestration.reports.summary`).
"""

import json
import math
from collections.abc import Callable, Sequence

import duckdb
from rich.console import Console
from rich.markup import escape
from rich.table import Table

Section = Callable[[Console, duckdb.DuckDBPyConnection], None]

MONTHS_SHOWN = 6
RISKS_SHOWN = 10
# The figures that say most about each model; the full list is in MLflow and in models.metrics.
HEADLINES = {
    "churn": ("auc", "pr_auc", "brier_skill", "ece"),
    "lead_score": ("auc", "pr_auc", "brier_skill", "ece"),
    "win_probability": ("auc", "pr_auc", "brier_skill", "ece"),
    "clv": ("spearman", "normalised_gini", "mae", "aggregate_bias", "coverage"),
    "revenue": ("wape", "mase", "bias", "coverage_80", "coverage_95"),
}


def landing(console: Console, connection: duckdb.DuckDBPyConnection) -> None:
    """Rows read, accepted and quarantined in the newest landing, by table."""
    rows = connection.execute(
        "select table_name, sum(rows_read), sum(rows_inserted), sum(rows_updated), sum(rows_unchanged), "
        "sum(rows_quarantined) from loads where loaded_at = (select max(loaded_at) from loads) "
        "group by table_name having sum(rows_read) > 0 order by table_name"
    ).fetchall()
    table = _table("Landing", ["table", "read", "new", "changed", "unchanged", "quarantined"])
    for name, *counts in rows:
        table.add_row(name, *(f"{count:,}" for count in counts))
    if rows:
        _show(console, table)


def funnel(console: Console, connection: duckdb.DuckDBPyConnection) -> None:
    """Conversion of the newest mature cohorts, within 90 days."""
    rows = connection.execute(
        "select cohort_month, from_stage, to_stage, entered_count, reached_count, conversion_rate from fct_lead_funnel "
        "where window_days = 90 and is_mature order by cohort_month desc, from_stage, to_stage"
    ).fetchall()
    months = sorted({row[0] for row in rows}, reverse=True)[:MONTHS_SHOWN]
    steps = list(dict.fromkeys((row[1], row[2]) for row in rows if row[0] in months and row[3]))
    if not steps:
        return
    rates = {(row[0], row[1], row[2]): f"{row[5]:.1%} of {row[3]:,}" for row in rows if row[5] is not None}
    headings = ["entered in", *(f"{start} → {end}" for start, end in steps)]
    table = _table("Funnel: reached within 90 days, mature cohorts", headings)
    for month in reversed(months):
        table.add_row(f"{month:%Y-%m}", *(rates.get((month, *step), "–") for step in steps))
    _show(console, table)


def revenue(console: Console, connection: duckdb.DuckDBPyConnection) -> None:
    """MRR movements of the last months; for a company without contracts its sales."""
    rows = connection.execute(
        "select month_start, sum(opening_mrr), sum(new_mrr), sum(expansion_mrr), sum(contraction_mrr), sum(churn_mrr), "
        "sum(reactivation_mrr), sum(closing_mrr) from fct_mrr_movements group by 1 order by 1 desc limit ?",
        [MONTHS_SHOWN],
    ).fetchall()
    headings = ["month", "opening", "new", "expansion", "contraction", "churn", "reactivation", "closing"]
    title = "MRR movements"
    if not rows:
        title, headings = "Sales", ["month", "revenue", "customers"]
        rows = connection.execute(
            "select month_start, sum(revenue_amount), sum(customers_count) from fct_monthly_revenue "
            "where is_complete group by 1 order by 1 desc limit ?",
            [MONTHS_SHOWN],
        ).fetchall()
    if not rows:
        return
    table = _table(title, headings)
    for month, *amounts in reversed(rows):
        table.add_row(f"{month:%Y-%m}", *(f"{amount:,.0f}" for amount in amounts))
    _show(console, table)


def models(console: Console, connection: duckdb.DuckDBPyConnection) -> None:
    """Each model's status, and its figures beside its baselines."""
    trainings = connection.execute(
        "select model, run_id, status, reasons, kept_method, champion_version, champion_status from trainings "
        "where (model, trained_at) in (select (model, max(trained_at)) from trainings group by model) order by model"
    ).fetchall()
    for model, run_id, status, reasons, kept, version, champion in trainings:
        colour = "green" if status == "validated" else "yellow"
        console.print(
            f"\n[bold]{model}[/bold]: [{colour}]{status}[/{colour}]; served: version {version} ({champion})",
            highlight=False,
        )
        for reason in reasons:
            console.print(f"  {reason}", highlight=False, markup=False)
        _metrics(console, connection, model, run_id, kept)


def _metrics(
    console: Console, connection: duckdb.DuckDBPyConnection, model: str, run_id: str, kept: str | None
) -> None:
    rows = connection.execute(
        "select method, metric, value, lower, upper, rows, base_rate, first_as_of, last_as_of, is_baseline "
        "from metrics where run_id = ? and model = ?",
        [run_id, model],
    ).fetchall()
    shown = [metric for metric in HEADLINES[model] if any(row[1] == metric for row in rows)]
    if not shown:
        return
    count, base_rate, first, last = rows[0][5:9]
    title = f"test {first} to {last}, {count:,} rows" + (f", base rate {base_rate:.1%}" if base_rate else "")
    table = _table(title, ["method", *shown])
    for method in dict.fromkeys(row[0] for row in sorted(rows, key=lambda row: row[0] != kept)):
        cells = {row[1]: _interval(*row[2:5]) for row in rows if row[0] == method}
        style = "bold" if method == kept else None
        table.add_row(method, *(cells.get(metric, "") for metric in shown), style=style)
    _show(console, table)


def risks(console: Console, connection: duckdb.DuckDBPyConnection) -> None:
    """The customers most likely to leave, with the reason that weighs most."""
    if not _has(connection, "churn_predictions"):
        return
    rows = connection.execute(
        "select account_id, value, lower, upper, risk_level, revenue_at_risk, reasons, status from churn_predictions "
        "where as_of = (select max(as_of) from churn_predictions) order by value desc, account_id limit ?",
        [RISKS_SHOWN],
    ).fetchall()
    if not rows:
        return
    is_fallback = rows[0][-1] == "fallback"
    note = " (shrunken baseline: the order carries little information)" if is_fallback else ""
    table = _table(f"Customers most at risk{note}", ["account", "probability", "level", "revenue at risk", "why"])
    for account, value, lower, upper, level, at_risk, reasons, _ in rows:
        amount = f"{at_risk:,.0f}" if at_risk is not None and at_risk == at_risk else "–"
        table.add_row(escape(account), _interval(value, lower, upper, ".1%"), level, amount, escape(_why(reasons)))
    _show(console, table)


def forecast(console: Console, connection: duckdb.DuckDBPyConnection) -> None:
    """Revenue of the coming months with the 80 % interval, and both views beside it."""
    if not _has(connection, "revenue_predictions"):
        return
    rows = connection.execute(
        "select month, value, lower_80, upper_80, above, below, view, origin, status from (select *, "
        "max(case when view = 'top_down' then value end) over (partition by month) as above, "
        "max(case when view = 'bottom_up' then value end) over (partition by month) as below "
        "from revenue_predictions where region = 'all' and segment = 'all' "
        "and origin = (select max(origin) from revenue_predictions)) "
        "qualify row_number() over (partition by month order by view = 'combined' desc, view = 'top_down' desc) = 1 "
        "order by month"
    ).fetchall()
    if not rows:
        return
    view, origin, status = rows[0][6:]
    made_by = "the best simple method" if status == "fallback" else f"the {view.replace('_', ' ')} view"
    title = f"Revenue forecast by {made_by}, made from {origin:%Y-%m-%d}"
    table = _table(title, ["month", "expected", "80 % from", "to", "top-down", "bottom-up"])
    for month, *amounts in (row[:6] for row in rows):
        table.add_row(f"{month:%Y-%m}", *(_number(amount) for amount in amounts))
    _show(console, table)


def findings(console: Console, connection: duckdb.DuckDBPyConnection) -> None:
    """Open data-quality findings by rule."""
    rows = connection.execute(
        "select rule, severity, count(*), sum(rows_count) from fct_data_quality_findings "
        "where resolved_at is null group by 1, 2 order by 4 desc, 1"
    ).fetchall()
    if not rows:
        return
    table = _table("Open data-quality findings", ["rule", "severity", "findings", "rows"])
    for rule, severity, count, affected in rows:
        table.add_row(rule, severity, f"{count:,}", f"{affected:,}")
    _show(console, table)


SECTIONS: Sequence[Section] = (landing, findings, funnel, revenue, models, risks, forecast)


def _table(title: str, headings: Sequence[str]) -> Table:
    table = Table(title=title, header_style="dim", box=None, pad_edge=False)
    for at, heading in enumerate(headings):
        is_text = at == 0 or heading == "why"
        table.add_column(heading, justify="left" if is_text else "right", no_wrap=heading != "why")
    return table


def _show(console: Console, table: Table) -> None:
    """Print the title on a line of its own: as the table's own it would be folded to the table's width."""
    title, table.title = table.title, None
    console.print()
    console.print(title, style="bold", markup=False, highlight=False)
    console.print(table)


def _number(value: float | None) -> str:
    """Whole units, or a dash where there is no figure."""
    return "–" if value is None or math.isnan(value) else f"{value:,.0f}"


def _interval(value: float, lower: float | None, upper: float | None, spec: str = ".3f") -> str:
    if lower is None or upper is None:
        return format(value, spec)
    return f"{value:{spec}} [{lower:{spec}}, {upper:{spec}}]"


def _why(reasons: str | None) -> str:
    return "; ".join(reason["text"] for reason in json.loads(reasons or "[]")[:2])


def _has(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    found = connection.execute("select 1 from information_schema.tables where table_name = ?", [table]).fetchall()
    return bool(found)
