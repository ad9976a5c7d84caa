"""What dbt must know about the company, written to control.* because SQL reads no settings file.

Belongs here: the rows of control.company_settings, control.lead_ages and control.rule_points. Does not belong
here: the settings themselves (`companies.settings`) or the record of loads (`ingestion.landing`).
"""

# ruff: noqa: S608 - names are quoted by sql_text and come from the contract or a validated settings file
import duckdb

from companies.settings import Company, RuleScore

SALES_QUALIFIED = "sales_qualified_kind"


def write_settings(con: duckdb.DuckDBPyConnection, company: Company) -> None:
    """Replace the settings in the warehouse by those of `company`; runs inside the caller's transaction if any."""
    settings = _settings(company)
    _replace(con, "company_settings", list(settings), [tuple(settings.values())])
    ages = sorted(set(company.evaluation.lead_ages_days))
    _replace(con, "lead_ages", ["age_days"], [(age,) for age in ages])
    _replace(con, "rule_points", ["attribute", "value", "points"], _points(company.rule_score))


def _settings(company: Company) -> dict[str, object]:
    return {
        "name": company.name,
        "business_model": company.business_model,
        "currency": company.currency,
        "time_zone": company.time_zone,
        "history_starts_on": company.history_starts_on,
        "data_until": company.data_until,
        "grace_days": company.windows.grace_days,
        "inactivity_days": company.windows.inactivity_days,
        "open_lead_days": company.windows.open_lead_days,
        "churn_horizon_days": company.horizons.churn_days,
        "lead_horizon_days": company.horizons.lead_days,
        "win_horizon_days": company.horizons.win_days,
        "mql_max_score": company.thresholds.mql_max_score,
        "sql_min_score": company.thresholds.sql_min_score,
        "stale_mql_days": company.thresholds.stale_mql_days,
        "stale_sql_days": company.thresholds.stale_sql_days,
        "gross_margin_ratio": company.economics.gross_margin_ratio,
        "leads_from": company.evaluation.leads_from,
        "customers_from": company.evaluation.customers_from,
    }


def _points(score: RuleScore) -> list[tuple[object, ...]]:
    by_attribute = {
        "seniority": score.seniority,
        "company_size": score.company_size,
        "lead_source": score.lead_source,
        "touchpoint_kind": score.touchpoint_kind,
        SALES_QUALIFIED: dict.fromkeys(score.sales_qualified_kinds, 0),
    }
    return [
        (attribute, value.strip().lower(), points)
        for attribute, values in by_attribute.items()
        for value, points in values.items()
    ]


def _replace(con: duckdb.DuckDBPyConnection, table: str, columns: list[str], rows: list[tuple[object, ...]]) -> None:
    con.execute(f"delete from control.{table}")
    marks = ", ".join("?" for _ in columns)
    for row in rows:
        con.execute(f"insert into control.{table} ({', '.join(columns)}) values ({marks})", row)
