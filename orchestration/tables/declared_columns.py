"""Columns of the tables that Python writes: the ledgers of predictions, the metrics, the monitoring.

Belongs here: name, type and meaning of each column, for the asset graph. Does not belong here: writing them
(`orchestration.learning.ledger`, `orchestration.metrics.metric_values`, `orchestration.learning.watching`); dbt's and
landing's tables.
"""

from collections.abc import Mapping
from typing import Any, Final

import dagster as dg

# Column to its DuckDB type and meaning.
Columns = Mapping[str, tuple[str, str]]

DATABASE: Final = "warehouse"
ACCOUNT: Final = ("varchar", "Account.")
AS_OF: Final = ("timestamp", "Month end: what was known when that day ended.")
REASONS: Final = ("varchar", "What drives the statement, most telling first; JSON list.")
STAMPS: Final[Columns] = {
    "model_version": ("varchar", "Registered version that said it."),
    "status": ("varchar", "validated, or fallback for a shrunken baseline."),
    "run_id": ("varchar", "Dagster run that appended the row."),
    "made_at": ("timestamp", "When it was said, UTC."),
}


def _bounds(value: str) -> Columns:
    return {
        "value": ("double", value),
        "lower": ("double", "Lower end of the interval."),
        "upper": ("double", "Upper end of the interval."),
    }


LEDGERS: Final[Mapping[str, Columns]] = {
    "churn": {
        "account_id": ACCOUNT,
        "as_of": AS_OF,
        **_bounds("Probability that the customer leaves within the horizon."),
        "reasons": REASONS,
        "risk_level": ("varchar", "Critical, High, Medium or Low."),
        "revenue_at_risk": ("double", "Probability times a year's amount, company's currency."),
        "break_even": ("double", "Probability above which a contact pays."),
        "pays_to_contact": ("boolean", "Whether the probability lies above it."),
        "actions": ("varchar", "What a person can do about the reasons; JSON list."),
        "act_from": ("timestamp", "First working day after as_of."),
        "act_by": ("timestamp", "Renewal if it lies within the horizon, else the horizon's end."),
    },
    "clv": {
        "account_id": ACCOUNT,
        "as_of": AS_OF,
        **_bounds("Expected discounted gross margin of the coming months, company's currency."),
        "lifetime_value": ("double", "The same without an end."),
        "expected_months": ("double", "Contracts: months that the customer is expected to stay within the horizon."),
        "survival_12_months": ("double", "Contracts: probability to be a customer in twelve months."),
        "expected_purchases": ("double", "Shops: purchases expected within the horizon."),
        "expected_purchases_lower": ("double", "Lower end of its interval."),
        "expected_purchases_upper": ("double", "Upper end of its interval."),
        "expected_amount": ("double", "Shops: expected amount of a purchase."),
        "probability_alive": ("double", "Shops: probability that the buyer has not left."),
        "probability_alive_lower": ("double", "Lower end of its interval."),
        "probability_alive_upper": ("double", "Upper end of its interval."),
    },
    "lead_score": {
        "lead_id": ("varchar", "Lead."),
        "as_of": AS_OF,
        **_bounds("Probability that the lead becomes a customer within the horizon."),
        "reasons": REASONS,
        "score": ("bigint", "0 to 100."),
        "grade": ("varchar", "A to D."),
        "grade_conversion": ("double", "Conversion of leads of this grade in the test rows."),
    },
    "win_probability": {
        "deal_id": ("varchar", "Deal."),
        "as_of": AS_OF,
        **_bounds("Probability that the deal is won within the horizon."),
        "reasons": REASONS,
        "close_months": ("varchar", "Months in which it may close, with probabilities; JSON list."),
    },
    "revenue": {
        "origin": ("timestamp", "Month end from which was forecast."),
        "month": ("timestamp", "First day of the month forecast."),
        "region": ("varchar", "Region; all: the total."),
        "segment": ("varchar", "Segment; all: the total."),
        "view": ("varchar", "How it was forecast: top_down, bottom_up or combined."),
        "value": ("double", "Revenue of the month, company's currency."),
        "lower_80": ("double", "Lower end of the 80 % interval."),
        "upper_80": ("double", "Upper end of the 80 % interval."),
        "lower_95": ("double", "Lower end of the 95 % interval."),
        "upper_95": ("double", "Upper end of the 95 % interval."),
    },
}

METRICS: Final[Mapping[str, Columns]] = {
    "metric_definitions": {
        "metric": ("varchar", "Name of the metric."),
        "label": ("varchar", "Its name on a screen."),
        "description": ("varchar", "What it means."),
        "formula": ("varchar", "Rendered from the definition."),
        "grain": ("varchar", "What one value is about."),
        "dimensions": ("varchar[]", "Dimensions by which values are kept."),
        "unit": ("varchar", "money, ratio, days, hours, months, times, count, score or points."),
        "owner": ("varchar", "Who answers for it."),
        "caveat": ("varchar", "What it does not say."),
        "version": ("integer", "Raised when the meaning changes."),
        "fingerprint": ("varchar", "Changes when the meaning does."),
    },
    "metric_values": {
        "metric": ("varchar", "Name of the metric."),
        "month_start": ("date", "First day of the month."),
        "dimension": ("varchar", "What the value is split by; all: the company."),
        "dimension_value": ("varchar", "Value of the dimension."),
        "value": ("double", "The metric's value, in its unit."),
        "version": ("integer", "Version of the definition."),
        "is_complete": ("boolean", "Whether the data cover the month to its end."),
    },
}

VERSION: Final[Columns] = {
    "model": ("varchar", "Model."),
    "model_version": ("varchar", "Registered version."),
}
MONITORING: Final[Mapping[str, Columns]] = {
    "drift": {
        **VERSION,
        "as_of": ("date", "Month end of the rows compared."),
        "name": ("varchar", "Feature, or score."),
        "psi": ("double", "Population stability index against the rows learned from."),
        "psi_limit": ("double", "Above it the feature has shifted; what chance reaches is below."),
        "ks": ("double", "Kolmogorov-Smirnov distance."),
        "ks_noise": ("double", "What chance reaches of it."),
        "reference_missing": ("double", "Share missing among the rows learned from."),
        "current_missing": ("double", "Share missing in the month."),
        "is_shifted": ("boolean", "Whether it has shifted."),
        "reference_rows": ("bigint", "Rows learned from."),
        "current_rows": ("bigint", "Rows of the month."),
    },
    "performance": {
        **VERSION,
        "first_as_of": ("date", "First month end of the statements."),
        "last_as_of": ("date", "Last month end of the statements."),
        "metric": ("varchar", "What is measured."),
        "value": ("double", "What the statements were worth."),
        "lower": ("double", "Lower end of the 95 % interval."),
        "upper": ("double", "Upper end of the 95 % interval."),
        "promised": ("double", "What the training reached on its test rows."),
        "promised_lower": ("double", "Lower end of its 95 % interval."),
        "promised_upper": ("double", "Upper end of its 95 % interval."),
        "is_worse": ("boolean", "Whether it is worse beyond noise."),
        "rows": ("bigint", "Statements whose outcome is known."),
        "positives": ("bigint", "Those with the outcome."),
    },
    "retraining_advice": {
        **VERSION,
        "advice": ("varchar", "retrain, watch or none."),
        "reasons": ("varchar[]", "Why."),
        "judged_on": ("date", "Last day of the data then."),
        "trained_rows": ("bigint", "Rows that the version learned from."),
        "new_outcomes": ("bigint", "Outcomes that became known since."),
        "learned_until": ("date", "Newest as_of that it learned from."),
    },
}


def schema(columns: Columns) -> dg.TableSchema:
    """The columns in Dagster's form."""
    return dg.TableSchema([dg.TableColumn(name, kind, description=words) for name, (kind, words) in columns.items()])


def metadata(key: list[str], columns: Columns) -> dict[str, Any]:
    """What the definition of a table's asset says of it: its columns and its name in the warehouse."""
    return {"dagster/column_schema": schema(columns), "dagster/table_name": ".".join([DATABASE, *key])}
