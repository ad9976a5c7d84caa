"""Drift, matured statements and advice as checks of the predictions; they warn and never block.

Belongs here: the translation of the tables of schema `monitoring` into check results. Does not belong here: how they
are computed (`orchestration.learning.watching`).
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import duckdb

from orchestration import markdown
from orchestration.learning import watching
from orchestration.resources import POOL, Deployment

DESCRIPTIONS = {
    "has_stable_inputs": (
        "In the newest month neither the scores nor a fifth of the features have shifted from the rows learned from."
    ),
    "performs_as_promised": "Statements whose outcome is known by now were no worse than the training promised.",
    "needs_no_retraining": "Neither performance nor scores, new outcomes or age speak for another training.",
}
SHIFTED_SHOWN = 10
# Tenure and its like move in every growing company; a few of them are no reason to look up from one's work.
BROAD_SHARE = 0.2


def _specs() -> list[dg.AssetCheckSpec]:
    return [
        dg.AssetCheckSpec(
            check,
            asset=["predictions", model],
            additional_deps=[["monitoring", "retraining_advice"]],
            blocking=False,
            description=description,
        )
        for model in watching.WATCHED
        for check, description in DESCRIPTIONS.items()
    ]


@dg.multi_asset_check(name="model_monitoring", specs=_specs(), can_subset=True, pool=POOL)
def monitoring_checks(context: dg.AssetCheckExecutionContext, deployment: Deployment) -> Iterator[dg.AssetCheckResult]:
    """One result per model and check, from the tables as they are."""
    judges = {
        "has_stable_inputs": _inputs,
        "performs_as_promised": _performance,
        "needs_no_retraining": _advice,
    }
    with deployment.warehouse() as connection:
        watching.create(connection)
        for key in sorted(context.selected_asset_check_keys):
            passed, metadata = judges[key.name](connection, key.asset_key.path[-1])
            yield dg.AssetCheckResult(
                asset_key=key.asset_key,
                check_name=key.name,
                passed=passed,
                severity=dg.AssetCheckSeverity.WARN,
                metadata=metadata,
            )


def _inputs(connection: duckdb.DuckDBPyConnection, model: str) -> tuple[bool, dict[str, Any]]:
    rows = connection.execute(
        "select name, psi, psi_limit, ks, as_of, is_shifted from monitoring.drift "
        "where model = ? and as_of = (select max(as_of) from monitoring.drift where model = ?) order by psi desc",
        [model, model],
    ).fetchall()
    if not rows:
        return True, {"reason": "Nothing to compare: the served version learned from no row, or the month has none."}
    shifted = [row[0] for row in rows if row[-1]]
    table = markdown.table(["feature", "PSI", "limit", "KS"], [row[:4] for row in rows[:SHIFTED_SHOWN]])
    is_broad = len(shifted) >= BROAD_SHARE * len(rows)
    return not is_broad and watching.SCORE not in shifted, {
        "as_of": str(rows[0][4]),
        "shifted": ", ".join(shifted) or "none",
        "most_shifted": dg.MetadataValue.md(table),
    }


def _performance(connection: duckdb.DuckDBPyConnection, model: str) -> tuple[bool, dict[str, Any]]:
    rows = connection.execute(
        "select metric, value, lower, upper, promised, is_worse, rows from monitoring.performance as found "
        "inner join monitoring.retraining_advice as now using (model, model_version) where model = ? "
        "qualify row_number() over (partition by metric order by rows desc, last_as_of) = 1 order by metric",
        [model],
    ).fetchall()
    if not rows:
        return True, {"reason": "No statement of the served version has a known outcome yet."}
    table = markdown.table(["metric", "realised", "lower, 95 %", "upper, 95 %", "promised"], [row[:5] for row in rows])
    return not any(row[5] for row in rows), {
        "matured_statements": rows[0][-1],
        "figures": dg.MetadataValue.md(table),
    }


def _advice(connection: duckdb.DuckDBPyConnection, model: str) -> tuple[bool, dict[str, Any]]:
    rows = connection.execute(
        "select advice, reasons from monitoring.retraining_advice where model = ?", [model]
    ).fetchall()
    if not rows:
        return True, {"reason": "No version is served yet."}
    advice, reasons = rows[0]
    return advice != "retrain", {
        "advice": advice,
        "reasons": dg.MetadataValue.md("\n".join(f"- {one}" for one in reasons)),
    }
