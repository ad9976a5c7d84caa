"""What became of the entities that a model speaks about: labels of any rows, by model, with the company's horizons.

Belongs here: which facts and settings go into which label. Does not belong here: the labels' definitions
(`ml.labels`), features.
"""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Final

import duckdb
import pandas as pd

from companies.settings import Company
from ml import labels
from orchestration.learning import frames

# Connection, company, rows, and the last day whose events the labels see (None: the last day the data cover).
Labeller = Callable[[duckdb.DuckDBPyConnection, Company, pd.DataFrame, date | None], pd.DataFrame]


def of_customers(
    connection: duckdb.DuckDBPyConnection, company: Company, rows: pd.DataFrame, until: date | None = None
) -> pd.DataFrame:
    """Whether the customers of `rows` (account_id, as_of) left within the company's horizon."""
    return labels.churn_labels(
        rows,
        frames.facts(connection, "spells"),
        horizon_days=company.horizons.churn_days,
        confirm_days=confirm_days(company),
        data_until=until or frames.data_until(connection),
    )


def of_leads(
    connection: duckdb.DuckDBPyConnection, company: Company, rows: pd.DataFrame, until: date | None = None
) -> pd.DataFrame:
    """Whether the leads of `rows` (lead_id, as_of) became customers within the company's horizon."""
    return labels.lead_labels(
        rows,
        frames.facts(connection, "lifecycle"),
        horizon_days=company.horizons.lead_days,
        data_until=until or frames.data_until(connection),
        leads_from=company.evaluation.leads_from,
    )


def of_deals(
    connection: duckdb.DuckDBPyConnection, company: Company, rows: pd.DataFrame, until: date | None = None
) -> pd.DataFrame:
    """Whether the open deals of `rows` (deal_id, as_of) were won within the company's horizon."""
    return labels.win_labels(
        rows,
        frames.facts(connection, "deals"),
        horizon_days=company.horizons.win_days,
        data_until=until or frames.data_until(connection),
    )


def confirm_days(company: Company) -> int:
    """Days after the end of a contract until the grace period makes it certain; silence needs no confirmation."""
    return company.windows.grace_days if company.business_model == "contractual" else 0


# Model -> (labeller, name of the label).
LABELS: Final[Mapping[str, tuple[Labeller, str]]] = {
    "churn": (of_customers, labels.CHURNED),
    "lead_score": (of_leads, labels.CONVERTED),
    "win_probability": (of_deals, labels.WON),
}


def gap_days(model: str, company: Company) -> int:
    """Days from `as_of` until the label of a row is known."""
    horizons = {
        "churn": company.horizons.churn_days + confirm_days(company),
        "lead_score": company.horizons.lead_days,
        "win_probability": company.horizons.win_days,
    }
    return horizons[model]


def labelled(model: str, connection: duckdb.DuckDBPyConnection, company: Company, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows whose outcome is known, with the column `label` (0/1).

    Args:
        rows: the entity's key and as_of, and any further columns to keep.
    """
    labeller, name = LABELS[model]
    if rows.empty:
        return rows.assign(label=pd.Series(dtype="int64"))
    keys = list(rows.columns[:2])
    found = labeller(connection, company, rows, None).rename(columns={name: "label"})
    stamped = rows.assign(as_of=pd.to_datetime(rows["as_of"]).astype("datetime64[ns]"))
    known = found[[*keys, "label"]].assign(as_of=pd.to_datetime(found["as_of"]).astype("datetime64[ns]"))
    return stamped.merge(known, on=keys, how="inner", validate="one_to_one")
