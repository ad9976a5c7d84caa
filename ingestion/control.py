"""What dbt must know about the company, written to control.* because SQL reads no settings file.

Belongs here: the rows of control.company_settings and of the small tables of settings beside it. Does not belong
here: the settings themselves (`companies.settings`) or the record of loads (`ingestion.landing`).
"""

# ruff: noqa: S608 - names are quoted by sql_text and come from the contract or a validated settings file
from datetime import date

import duckdb

from companies.settings import Company, RuleScore
from ingestion.warehouse_schema import SETTINGS_TABLES, create_settings_table

SALES_QUALIFIED = "sales_qualified_kind"


def write_settings(con: duckdb.DuckDBPyConnection, company: Company) -> None:
    """Replace the settings in the warehouse by those of `company`; runs inside the caller's transaction if any."""
    rows: dict[str, list[tuple[object, ...]]] = {
        "company_settings": [tuple(_settings(company).values())],
        "lead_ages": [(age,) for age in sorted(set(company.evaluation.lead_ages_days))],
        "rule_points": _points(company.rule_score),
        "sales_targets": [(date.fromisoformat(f"{month}-01"), amount) for month, amount in _targets(company)],
        "stage_categories": [(key.strip().lower(), kind) for key, kind in company.pipeline.stage_categories.items()],
        "health_weights": list(company.health.model_dump().items()),
    }
    for table in SETTINGS_TABLES:
        _replace(con, table, rows[table])


def _targets(company: Company) -> list[tuple[str, float]]:
    return sorted(company.pipeline.targets.items())


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
        **company.quality.model_dump(),
        "commit_min_probability": company.pipeline.commit_min_probability,
        "best_case_min_probability": company.pipeline.best_case_min_probability,
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


def _replace(con: duckdb.DuckDBPyConnection, table: str, rows: list[tuple[object, ...]]) -> None:
    create_settings_table(con, table)
    marks = ", ".join("?" for _ in SETTINGS_TABLES[table])
    for row in rows:
        con.execute(f"insert into control.{table} values ({marks})", row)
