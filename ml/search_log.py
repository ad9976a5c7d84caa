"""The trials of a search as runs below the run of their training.

Belongs here: which figures of a trial are recorded. Does not belong here: the tracker (`ml.registry` hands in its
client), the search (`ml.search`).
"""

from typing import Any, Final, Protocol

import pandas as pd

from ml.evaluation import TrainingReport
from ml.models.capacity import TRIALS

# The tag by which MLflow shows a run below another.
PARENT: Final = "mlflow.parentRunId"


class TrialStore(Protocol):
    """What is needed of the tracker's client."""

    def get_run(self, run_id: str) -> Any:  # noqa: ANN401 - the tracker's own type
        """A run by its id."""

    def create_run(self, experiment_id: str, *, tags: dict[str, str], run_name: str) -> Any:  # noqa: ANN401 - as above
        """A new run."""

    def log_param(self, run_id: str, key: str, value: Any) -> Any:  # noqa: ANN401 - as above
        """One setting of a run."""

    def log_metric(self, run_id: str, key: str, value: float) -> Any:  # noqa: ANN401 - as above
        """One figure of a run."""

    def set_terminated(self, run_id: str) -> None:
        """The run is over."""


def log_trials(store: TrialStore, parent: str, report: TrainingReport) -> None:
    """One nested run per trial, with the settings tried and the loss on held-back rows; none without a search."""
    trials = report.tables.get(TRIALS, pd.DataFrame())
    experiment = str(store.get_run(parent).info.experiment_id) if len(trials) else ""
    for row in trials.to_dict("records"):
        run = store.create_run(experiment, tags={PARENT: parent}, run_name=f"{report.model} trial {row['trial']}")
        for name, value in row.items():
            if name not in {"trial", "loss"}:
                store.log_param(run.info.run_id, str(name), value)
        store.log_metric(run.info.run_id, "loss", float(row["loss"]))
        store.set_terminated(run.info.run_id)
