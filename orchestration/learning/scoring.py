"""What each champion says of a month end, as rows of the prediction ledger.

Belongs here: which features and facts a champion is shown, and the keys of its statements. Does not belong here:
predicting (`ml.models`), appending (`orchestration.learning.ledger`), Dagster.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

import duckdb
import pandas as pd

from companies.settings import Company
from ml.models import churn
from orchestration.learning import frames
from orchestration.learning.training_inputs import Champion, churn_params, clv_sources

Scorer = Callable[[duckdb.DuckDBPyConnection, Company, Champion, date], pd.DataFrame]


@dataclass(frozen=True)
class Scoring:
    """How a model is scored.

    Attributes:
        keys: columns that identify a statement.
        nested: columns that hold lists, kept as JSON text.
    """

    score: Scorer
    keys: tuple[str, ...]
    nested: tuple[str, ...] = ()

    def rows(
        self, connection: duckdb.DuckDBPyConnection, company: Company, champion: Champion, as_of: date
    ) -> pd.DataFrame:
        """The champion's statements about a month end, ready for the ledger; none about one that the data do not cover.

        A forecast is stated from the month it was fitted on, whatever month asks for it.
        """
        found = self.score(connection, company, champion, as_of)
        if "as_of" in self.keys and as_of > frames.last_as_of(connection):
            found = found.iloc[:0]
        nested = [name for name in self.nested if name in found]
        return found.assign(**{name: [json.dumps(value) for value in found[name]] for name in nested})


def _score_churn(
    connection: duckdb.DuckDBPyConnection, company: Company, champion: Champion, as_of: date
) -> pd.DataFrame:
    found = frames.of_model(connection, "churn", as_of)
    return churn.score_customers(champion, found, churn_params(company))


def _score_clv(
    connection: duckdb.DuckDBPyConnection, company: Company, champion: Champion, as_of: date
) -> pd.DataFrame:
    sources, _ = clv_sources(connection, company, as_of)
    customers = sources.customers(as_of)
    said: pd.DataFrame = champion.predict(customers)
    return said.assign(account_id=customers["account_id"], as_of=pd.Timestamp(as_of))


def _score_features(model: str, entity: str) -> Scorer:
    """Score the newest feature rows of an entity."""

    def score(
        connection: duckdb.DuckDBPyConnection, _company: Company, champion: Champion, as_of: date
    ) -> pd.DataFrame:
        found = frames.of_model(connection, model, as_of)
        keys = found[[entity]].assign(as_of=pd.to_datetime(found["as_of"]))
        said: pd.DataFrame = champion.predict(found)
        return pd.concat([keys, said], axis=1)

    return score


def _score_revenue(
    _connection: duckdb.DuckDBPyConnection, _company: Company, champion: Champion, _as_of: date
) -> pd.DataFrame:
    rows: pd.DataFrame = champion.rows
    if rows.empty:
        return rows
    stamped: pd.DataFrame = rows.assign(origin=pd.to_datetime(rows["origin"]), month=pd.to_datetime(rows["month"]))
    return stamped


SCORINGS: Mapping[str, Scoring] = {
    "churn": Scoring(_score_churn, ("account_id", "as_of"), nested=("reasons", "actions")),
    "clv": Scoring(_score_clv, ("account_id", "as_of")),
    "lead_score": Scoring(_score_features("lead_score", "lead_id"), ("lead_id", "as_of"), nested=("reasons",)),
    "win_probability": Scoring(
        _score_features("win_probability", "deal_id"), ("deal_id", "as_of"), nested=("reasons", "close_months")
    ),
    "revenue": Scoring(_score_revenue, ("origin", "month", "region", "segment", "view")),
}
