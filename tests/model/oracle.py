"""The truth of the simulated company for tests that compare models with it; nothing but tests may import this."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from ingestion.simulator.run import simulate
from ingestion.simulator.settings import SimulatorSettings


@dataclass(frozen=True)
class Oracle:
    """Reads the truth folder of a simulated company."""

    truth_folder: Path

    def leads(self) -> pd.DataFrame:
        """lead_id, age_days, as_of, p_convert_90d, p_convert_90d_profile, p_convert, interest."""
        return self._read("lead_truth")

    def deals(self) -> pd.DataFrame:
        """deal_id, p_win: on the day the deal is opened."""
        return self._read("deal_truth")

    def customers(self) -> pd.DataFrame:
        """account_id, as_of (month ends), p_churn_30d, p_churn_60d, p_churn_90d, health."""
        return self._read("customer_truth")

    def faults(self) -> pd.DataFrame:
        """rule, table_name, row_key of every injected fault."""
        return self._read("injected_faults")

    def parameters(self) -> dict[str, Any]:
        """Every coefficient, the settings and the expected share of leads by month."""
        content: dict[str, Any] = json.loads((self.truth_folder / "parameters.json").read_text(encoding="utf-8"))
        return content

    def _read(self, name: str) -> pd.DataFrame:
        return duckdb.connect().sql(f"select * from '{self.truth_folder}/{name}-*.parquet'").df()


@dataclass(frozen=True)
class SimulatedCompany:
    """A simulated company with its folders and its truth."""

    settings: SimulatorSettings
    source_folder: Path
    oracle: Oracle

    def source(self, name: str) -> pd.DataFrame:
        """The newest version of each row of a source table; instants are naive UTC."""
        frame = pd.concat([pd.read_parquet(path) for path in sorted(self.source_folder.glob(f"{name}-*.parquet"))])
        frame = frame.drop_duplicates(frame.columns[0], keep="last")
        for column in frame.select_dtypes("datetimetz"):
            frame[column] = frame[column].dt.tz_localize(None)
        return frame.reset_index(drop=True)


def simulated(folder: Path, settings: SimulatorSettings) -> SimulatedCompany:
    """Make (or find) a company under `folder`."""
    simulate(settings, folder / "source", folder / "truth")
    return SimulatedCompany(settings, folder / "source", Oracle(folder / "truth"))


def churn_outcomes(company: SimulatedCompany, horizon_days: int = 90) -> pd.DataFrame:
    """The oracle's customer rows whose horizon is over, with `churned`: the spell ended within the horizon."""
    periods = company.source("subscriptions")
    paid = periods[~periods["is_trial"]]
    renewed = set(paid["renewed_from"].dropna())
    ends = paid[paid["ended_on"].notna() & ~paid["subscription_id"].isin(renewed)]
    rows = company.oracle.customers().reset_index(names="row")
    joined = rows.merge(ends[["account_id", "ended_on"]], on="account_id", validate="many_to_many")
    wait = (pd.to_datetime(joined["ended_on"]) - pd.to_datetime(joined["as_of"])).dt.days
    hit = joined.loc[(wait > 0) & (wait <= horizon_days), "row"]
    rows["churned"] = rows["row"].isin(hit)
    return rows[_is_over(rows, horizon_days)].drop(columns="row")


def lead_outcomes(company: SimulatedCompany, horizon_days: int = 90) -> pd.DataFrame:
    """The oracle's lead rows whose horizon is over, with `converted`: won within the horizon after `as_of`."""
    events = company.source("lead_stage_events")
    won = events[events["stage"] == "customer"].set_index("lead_id")["entered_at"].dt.normalize()
    rows = company.oracle.leads()
    wait = (rows["lead_id"].map(won) - pd.to_datetime(rows["as_of"])).dt.days
    rows["converted"] = (wait > 0) & (wait <= horizon_days)
    return rows[_is_over(rows, horizon_days)]


def _is_over(rows: pd.DataFrame, horizon_days: int) -> pd.Series:
    """Whether a row's horizon lies within the default period."""
    end = pd.to_datetime(rows["as_of"]) + np.timedelta64(horizon_days, "D")
    return end <= pd.Timestamp("2025-12-31")
