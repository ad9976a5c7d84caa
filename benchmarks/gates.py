"""What stops a bad model: one fault after another planted into a company's churn training, and what its readers saw.

    python -m benchmarks.gates [--state FOLDER] [--write]

`--state` is the state folder of a finished run of the sample company (it is copied, never written to); without it the
company is run first. Every fault meets the real warehouse, training, checks and registry. Belongs here: the faults and
the page. Does not belong here: the gates themselves (`ml.gates`, `ml.leakage`, `orchestration.checks`).
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd

from benchmarks.pages import ROOT, Page, table
from ml.arrays import FloatArray
from ml.calibration import Calibrator, fit_calibrator
from ml.intervals import ProbabilityBand, fit_band
from ml.models.tabular import TabularParams, TrainedPair, train_both
from ml.training_frames import TrainingFrame
from orchestration.resources import Deployment

MODEL, SEED = "churn", 7
EXCHANGED_SHARE = 0.9
Patch = AbstractContextManager[Any]


@dataclass(frozen=True)
class Fault:
    """Something wrong with a training.

    Attributes:
        planted: what was done, as a person would say it.
        gate: the gate or check that must answer for it.
        patch: the changed code, while the training runs.
        spoil, mend: SQL on the warehouse before and after.
        is_forced: the training runs although a check of the tables has stopped it.
    """

    planted: str
    gate: str
    patch: Callable[[], Patch] = nullcontext
    spoil: str = ""
    mend: str = ""
    is_forced: bool = False


def exchanged_labels() -> Patch:
    """A challenger that learned from labels most of which belong to other customers."""

    def learn(frame: TrainingFrame, params: TabularParams) -> TrainedPair:
        labels, random = frame.labels, np.random.default_rng(SEED)
        rows = np.flatnonzero(random.random(len(labels)) < EXCHANGED_SHARE)
        labels[rows] = labels[random.permutation(rows)]
        return train_both(frame.with_labels(labels), params)

    return mock.patch("ml.models.binary_training.train_both", learn)


def distorted_scores(odds: float = 3.0) -> Patch:
    """A calibration that multiplies the odds."""

    def fit(score: FloatArray, label: FloatArray) -> Calibrator:
        honest, shift = fit_calibrator(score, label), float(np.log(odds))
        return replace(honest, shift=honest.shift + shift, levels=tuple(level + shift for level in honest.levels))

    return mock.patch("ml.models.tabular.fit_calibrator", fit)


@contextmanager
def narrow_intervals() -> Iterator[None]:
    """Intervals that claim two thousand times the rows they have, around probabilities that are somewhat high."""

    def fit(probability: FloatArray, label: FloatArray, *keys: "pd.Series[Any]") -> ProbabilityBand:
        honest = fit_band(probability, label, *keys)
        strengths = tuple(2000 * strength for strength in honest.strengths)
        return replace(honest, strengths=strengths, lowers=honest.knots, uppers=honest.knots)

    with distorted_scores(odds=2.5), mock.patch("ml.models.tabular.fit_band", fit):
        yield


def missing_column() -> Patch:
    """A training that forgets the first feature of the view."""
    from orchestration.learning import training_inputs

    honest = training_inputs._frame  # noqa: SLF001 - the fault sits where the frame is made

    def frame(*given: Any) -> TrainingFrame:  # noqa: ANN401 - whatever the trainer passes
        found = honest(*given)
        return replace(found, columns=found.columns[1:])

    return mock.patch("orchestration.learning.training_inputs._frame", frame)


USAGE, KEPT = "features.feat_customer_usage", "features.kept_rows"
KEEP = f"create table {KEPT} as from {USAGE};"
PUT_BACK = f"drop table {USAGE}; alter table {KEPT} rename to feat_customer_usage;"
LEAVES = f"""exists (select 1 from marts.fct_customer_spells as spells where spells.account_id = {USAGE}.account_id
    and spells.ended_on > {USAGE}.as_of and spells.ended_on <= {USAGE}.as_of + 90)"""
FAULTS = (
    Fault(
        "usage that knows who will leave, written into the feature table",
        "is_as_known",
        spoil=f"{KEEP} update {USAGE} set events_28d_count = 0 where {LEAVES}",
        mend=PUT_BACK,
    ),
    Fault(
        "a column that is the label, trained on although the check above had stopped it",
        "no_leaking_feature",
        spoil=f"{KEEP} update {USAGE} set last_usage_days = case when {LEAVES} then 60 else 1 end",
        mend=PUT_BACK,
        is_forced=True,
    ),
    Fault(
        "a feature table that lost a column",
        "matches_schema",
        spoil=f"{KEEP} alter table {USAGE} drop column users_28d_count",
        mend=PUT_BACK,
    ),
    Fault("a model that does not read what the view declares", "has_same_schema", missing_column),
    Fault("a challenger that learned from exchanged labels", "beats_best_baseline", exchanged_labels),
    Fault("probabilities whose odds are three times too high", "is_calibrated", distorted_scores),
    Fault("intervals far too narrow, around somewhat high probabilities", "interval_coverage", narrow_intervals),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Plant every fault, tell what stopped it; returns 1 if one was not stopped or the honest training was."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, help="state folder of a finished run (default: run the company)")
    parser.add_argument("--write", action="store_true", help="write docs/results/gates.md")
    given, started = parser.parse_args(arguments), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        deployment = Deployment(company_name="sample", state_folder=folder, data_folder=folder)
        _state(given.state, Path(folder))
        rows = []
        for row in demonstrate(deployment):
            rows.append(row)
            print(row, flush=True)
    found = pd.DataFrame(rows)
    is_right = bool(found["is_right"].all())
    shown = found.drop(columns="is_right")
    if given.write:
        _page(shown, is_right=is_right, seconds=time.monotonic() - started).write()
    print(table(shown))
    return 0 if is_right else 1


def demonstrate(deployment: Deployment) -> Iterator[dict[str, object]]:
    """One row per training: the first champion, every fault, and last an honest training with other code."""
    _, said = _attempt(deployment, "first")
    yield _row("nothing: the first training", "", said, is_right=_kept(said))
    for fault in FAULTS:
        _execute(deployment, fault.spoil)
        with fault.patch():
            failed, said = _attempt(deployment, fault.planted, is_forced=fault.is_forced)
        _execute(deployment, fault.mend)
        others = "; ".join(f"{gate}: {reason}" for gate, reason in failed.items())
        reason = failed.get(fault.gate) or (f"not {fault.gate}, but {others}" if others else "")
        yield _row(fault.planted, reason, said, is_right=bool(failed) and _kept(said))
    failed, said = _attempt(deployment, "honest")
    yield _row("nothing: an honest training with newer code", "; ".join(failed), said, is_right=not failed)


def _kept(said: dict[str, str]) -> bool:
    return said["champion"] == "1"


def _row(planted: str, reason: str, said: dict[str, str], *, is_right: bool) -> dict[str, object]:
    stopped = reason or ("nothing, it became champion" if is_right else "NOTHING")
    return {"planted": planted, "what stopped it, in its own words": stopped, **said, "is_right": is_right}


def _attempt(deployment: Deployment, code: str, *, is_forced: bool = False) -> tuple[dict[str, str], dict[str, str]]:
    """Checks of the feature tables, then the training if they allow it; failed gates with reasons, and the readers."""
    from ml import registry

    failed = _table_checks(deployment)
    before = registry.champion_info(deployment.model_store(), MODEL)
    if is_forced or not failed:
        failed |= _trained(deployment, code)
    after = registry.champion_info(deployment.model_store(), MODEL)
    same = before is not None and after is not None and before.version == after.version
    challenger = registry.challenger_info(deployment.model_store(), MODEL)
    candidate = f"version {challenger.version}, validation: {challenger.tags['validation']}" if challenger else "none"
    return failed, {
        "champion": after.version if after else "none",
        "readers saw": "the champion of before" if same else "the new champion",
        "challenger": candidate,
    }


def _table_checks(deployment: Deployment) -> dict[str, str]:
    from feature_definitions import checks, registry
    from orchestration.checks import features_as_known

    with deployment.warehouse(read_only=True) as connection:
        faults = [fault for view in registry.views_for(MODEL) for fault in checks.validate_table(connection, view)]
    if faults:
        return {
            "matches_schema": "; ".join(
                f"{fault.column}: {fault.check} ({', '.join(fault.examples)})" for fault in faults
            )
        }
    found = [result for result in features_as_known.results(deployment).values() if not result.passed]
    reasons = "; ".join(str(result.metadata["reason"].value) for result in found)
    return {features_as_known.CHECK: reasons} if found else {}


def _trained(deployment: Deployment, code: str) -> dict[str, str]:
    """Train and register; `code` names the code, because the registry records one training of the same code once."""
    from orchestration.assets.models import _train

    with mock.patch("orchestration.assets.models.code_version", return_value=code):
        trained, _, _ = _train(MODEL, deployment, "benchmark")
    return {gate.name: gate.reason for gate in trained.outcome.report.gates if not gate.passed}


def _execute(deployment: Deployment, sql: str) -> None:
    with deployment.warehouse() as connection:
        connection.execute(sql)


def _state(given: Path | None, folder: Path) -> None:
    """A copy of the finished run's warehouse and compiled SQL, without its models."""
    if given is None:
        command = [sys.executable, "-m", "orchestration.cli", "run", "--company", "sample"]
        subprocess.run(command, cwd=ROOT, env={**os.environ, "LIFECYCLE_STATE_DIR": str(folder)}, check=True)  # noqa: S603
        for name in ("mlflow.db", "mlartifacts"):
            path = folder / "sample" / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        return
    (folder / "sample").mkdir()
    shutil.copy(given / "warehouse.duckdb", folder / "sample")
    shutil.copytree(given / "dbt", folder / "sample" / "dbt")


def _own(found: pd.DataFrame) -> int:
    """Number of faults that their own gate stopped."""
    said = found["what stopped it, in its own words"]
    return sum(not any(text.startswith(f"not {fault.gate}, but") for text in said) for fault in FAULTS)


def _page(found: pd.DataFrame, *, is_right: bool, seconds: float) -> Page:
    outcome = (
        f"Each of {len(FAULTS)} planted faults was stopped ({_own(found)} by the gate that answers for it, the "
        "others by another gate, which is said), the readers kept the champion they had, and the honest training was "
        "promoted."
        if is_right
        else "A fault was NOT stopped, or the honest training was: see the table."
    )
    how = (
        "The churn model of the sample company, on its real warehouse, through the checks of the feature tables, the "
        "training and the MLflow registry. `not_worse_than_champion` needs rows the champion has not seen; "
        "`tests/model/test_gates_stop_faults.py` plants a worse challenger there, and the faults of the "
        "training once more."
    )
    return Page("gates", "What stops a bad model", outcome, "python -m benchmarks.gates --write", SEED, seconds,
                [how, table(found)])  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
