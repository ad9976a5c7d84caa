"""Customer value under contract on simulated companies: their warehouses, the judged trainings, three years ahead.

Belongs here: simulating, building what value is learned from, judging by seed. Does not belong here: the page
(`benchmarks.clv`).
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from companies import settings
from ingestion import landing
from ingestion.simulator.run import simulate
from ingestion.simulator.settings import SimulatorSettings
from ml import value_metrics
from ml.arrays import FloatArray
from ml.models import clv, clv_histories
from ml.models.clv_terms import Terms
from orchestration.environment import environment
from orchestration.learning import training_inputs
from orchestration.resources import Deployment
from orchestration.transformations.dbt_command import run_dbt

LAST: Final = date(2025, 12, 31)
TOPICS: Final = ("contract", "usage", "support", "sentiment", "payments")
NEEDED: Final = ("+fct_customer_spells", "+fct_mrr_movements", "+dim_accounts")
YEARS_AHEAD: Final = 36


@dataclass(frozen=True)
class Simulated:
    """A simulated company, as large and as old as wanted; its data end at `LAST`."""

    seed: int
    accounts: int = 1200
    months: int = 36

    def sources(self, folder: Path) -> clv_histories.Contractual:
        """What value is learned from; the warehouse is built in `folder` if it is not there yet."""
        deployment = self._deployment(folder)
        if not (deployment.state / "built").exists():
            self._build(deployment)
        with deployment.warehouse(read_only=True) as connection:
            found, _ = training_inputs.clv_sources(connection, deployment.company)
        if not isinstance(found, clv_histories.Contractual):
            msg = "the simulated company has contracts"
            raise TypeError(msg)
        return found

    def _deployment(self, folder: Path) -> Deployment:
        place = folder / f"{self.seed}_{self.accounts}_{self.months}"
        begins = LAST.year - self.months // 12 + 1
        text = (settings.FOLDER / "sample.toml").read_text(encoding="utf-8")
        for old, new in (
            ("seed = 20230101", f"seed = {self.seed}"),
            ("accounts = 1200", f"accounts = {self.accounts}"),
            ("months = 36", f"months = {self.months}"),
            ('starts_on = "2023-01-01"', f'starts_on = "{begins}-01-01"'),
            ("history_starts_on = 2023-01-01", f"history_starts_on = {begins}-01-01"),
        ):
            text = text.replace(old, new)
        (place / "companies").mkdir(parents=True, exist_ok=True)
        (place / "companies" / "sample.toml").write_text(text, encoding="utf-8")
        return Deployment(
            company_name="sample",
            state_folder=str(place),
            data_folder=str(place),
            companies_folder=str(place / "companies"),
        )

    def _build(self, deployment: Deployment) -> None:
        wanted = SimulatorSettings.model_validate(deployment.company.source.simulator)
        simulate(wanted, deployment.source_folder / "source", deployment.state / "truth", progress=lambda _: None)
        with deployment.warehouse() as connection:
            landing.land(connection, deployment.company, deployment.source_folder, datetime.now(UTC))
        months = {
            "LIFECYCLE_AS_OF_START": f"{LAST.year - self.months // 12 + 1}-01-31",
            "LIFECYCLE_AS_OF_END": LAST.isoformat(),
        }
        selected = [*NEEDED, *(f"+feat_customer_{topic}" for topic in TOPICS)]
        excluded = ("--exclude", "resource_type:test", "resource_type:unit_test")
        with environment(**months):
            run_dbt(
                "build", "--select", *selected, *excluded,
                warehouse=deployment.warehouse_path, target=deployment.state / "dbt",
            )  # fmt: skip
        (deployment.state / "built").touch()


def judged(name: str, sources: clv_histories.Contractual, last: date = LAST) -> dict[str, object]:
    """One training's figures: errors relative to the line, bias, coverage, gate."""
    report = clv.run_training(sources, last, _terms()).report
    table = report.metric_table().pivot_table(index="method", columns="metric", values="value")
    kept, line = str(report.kept_method), table.loc["linear"]
    (gate,) = (gate for gate in report.gates if gate.name == "beats_best_baseline")
    row: dict[str, object] = {"company": name, "kept": kept.replace("_", " "), "status": report.status}
    for metric in ("rmse", "mae"):
        for name_of, method in (("kept", kept), ("base", "shifted_beta_geometric"), ("ACV", "acv_times_tenure")):
            row[f"{metric} {name_of}"] = table.loc[method, metric] / line[metric]
    row |= {"bias": table.loc[kept, "aggregate_bias"], "bias linear": line["aggregate_bias"]}
    return row | {"coverage": table.loc[kept, "coverage"], "best baseline": gate.reason}


def three_years(sources: clv_histories.Contractual, origin: date) -> pd.DataFrame:
    """What the candidate of an origin said of the 36 months that followed, beside simpler methods."""
    outcome = clv.run_training(sources, origin, _terms())
    model, rows = outcome.candidate, sources.customers(origin)
    if model is None:
        msg = f"too little is known at {origin}: {outcome.reasons}"
        raise ValueError(msg)
    actual = sources.realised(rows["account_id"], origin, YEARS_AHEAD, _terms())
    said = {model.method: model.predict(rows)}
    said |= {sibling.method: sibling.predict(rows) for sibling in model.siblings()}
    said["acv_times_tenure"] = sources.fallback(origin, _terms()).predict(rows)
    return pd.DataFrame([_row(name, found, actual) for name, found in said.items()])


def _row(name: str, found: pd.DataFrame, actual: FloatArray) -> dict[str, object]:
    value = found["value"].to_numpy(np.float64)
    inside = (found["lower"] <= actual) & (actual <= found["upper"])
    row: dict[str, object] = {"method": name.replace("_", " "), "customers": len(actual)}
    for metric in ("mae", "rmse", "aggregate_bias", "spearman", "normalised_gini"):
        wanted = value_metrics.METRICS[metric]
        lower, upper = np.quantile(value_metrics.draws(wanted, actual, value), [0.025, 0.975])
        digits = 0 if metric in ("mae", "rmse") else 3
        point = value_metrics.value_of(wanted, actual, value)
        row[metric] = f"{point:,.{digits}f} [{lower:,.{digits}f}, {upper:,.{digits}f}]"
    return row | {"coverage of 90 %": float(inside.mean())}


def _terms() -> Terms:
    return training_inputs.clv_terms(settings.load("sample"))
