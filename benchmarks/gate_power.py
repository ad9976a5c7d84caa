"""How often the gates refuse what they should, and let pass what they should, on simulated small companies.

Trainings of the churn model on synthetic customers with a known probability (200 customers, 16 months): with signal,
without, and with outcomes whose log odds move by a known amount on the day the test rows begin, so that the stated
probabilities are off by as much. Belongs here: these simulations and their page. Does not belong here: the gates
(`ml.gates`), the synthetic customers (`tests/unit/ml/synthetic.py`). Run: `python -m benchmarks.gate_power --write`.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from benchmarks.against_truth import rate_coverage, share
from benchmarks.pages import Page, table, with_interval
from ml.arrays import log_odds, logistic
from ml.models.churn import ChurnParams, run_training
from ml.splits import out_of_time
from ml.training_frames import TrainingFrame
from tests.unit.ml.synthetic import customers

CUSTOMERS, MONTHS = 200, 16
SHIFTS = (0.3, 0.5, 0.8)
PARAMS = ChurnParams(amount_column="mrr", rule_features=("tickets",))


def shifted(frame: TrainingFrame, truth: np.ndarray, shift: float, seed: int) -> TrainingFrame:
    """The frame with other outcomes from the first test date on: their log odds are `shift` higher."""
    start = out_of_time(frame.data["as_of"], frame.data[frame.label], frame.gap_days).test_from
    chance = logistic(log_odds(truth) + shift)
    drawn = (np.random.default_rng([seed, 1]).random(len(chance)) < chance).astype(int)
    is_test = frame.data["as_of"].ge(pd.Timestamp(start)).to_numpy()
    labels = np.where(is_test, drawn, frame.labels.astype(int))
    return replace(frame, data=frame.data.assign(**{frame.label: labels}))


def judged(seed: int, strength: float, shift: float) -> dict[str, object]:
    """One training: the kind, whether it was validated, which gates failed, and the coverage of the true rates."""
    frame, truth = customers(CUSTOMERS, MONTHS, seed, strength=strength)
    if shift:
        frame = shifted(frame, truth, shift if seed % 2 else -shift, seed)
    report = run_training(frame, PARAMS).report
    failed = {gate.name for gate in report.gates if not gate.passed}
    test = report.tables["test_predictions"]
    is_test = frame.data["as_of"].ge(test["as_of"].min()).to_numpy()
    value, lower, upper = (test[name].to_numpy(float) for name in ("value", "lower", "upper"))
    return {
        "strength": strength,
        "shift": shift,
        "validated": report.status == "validated",
        "not calibrated": "is_calibrated" in failed,
        "not covered": "interval_coverage" in failed,
        "either": bool(failed & {"is_calibrated", "interval_coverage"}),
        "covered outcomes": float(report.tables["coverage"].eval("is_covered * rows").sum() / len(test)),
        "covered rates": rate_coverage(value, truth[is_test], lower, upper),
    }


def pooled(rows: pd.DataFrame) -> pd.DataFrame:
    """Shares by kind of training, with 95 % intervals."""
    found = []
    for (strength, shift), part in rows.groupby(["strength", "shift"], sort=False):
        kind = f"log odds off by {shift}" if shift else ("with signal" if strength else "without signal")
        shares = {
            name: with_interval(*share(float(part[name].sum()), len(part)), digits=2)
            for name in ("validated", "not calibrated", "not covered", "either")
        }
        means = (
            {name: f"{part[name].mean():.2f}" for name in ("covered outcomes", "covered rates")} if not shift else {}
        )
        found.append({"training": kind, "trainings": len(part), **shares, **means})
    return pd.DataFrame(found).fillna("–")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the simulations; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trainings", type=int, default=40, help="per kind")
    parser.add_argument("--first-seed", type=int, default=1000)
    parser.add_argument("--write", action="store_true", help="write docs/results/gate_power.md")
    chosen = parser.parse_args(arguments)
    started = time.monotonic()
    kinds = [(1.0, 0.0), (0.0, 0.0), *((1.0, shift) for shift in SHIFTS)]
    seeds = range(chosen.first_seed, chosen.first_seed + chosen.trainings)
    rows = pd.DataFrame([judged(seed, *kind) for kind in kinds for seed in seeds])
    found = pooled(rows)
    print(table(found))
    if chosen.write:
        page(found, rows, chosen.trainings, chosen.first_seed, time.monotonic() - started).write()
    return 0


def page(found: pd.DataFrame, rows: pd.DataFrame, trainings: int, seed: int, seconds: float) -> Page:
    """The page of these figures."""
    plain = rows[rows["shift"] == 0]
    signal, nothing = (plain[plain["strength"] == strength] for strength in (1.0, 0.0))
    caught = {shift: rows.loc[rows["shift"] == shift, "either"].mean() for shift in SHIFTS}
    outcome = (
        f"Of {trainings} small trainings with signal {signal['validated'].sum()} were validated, of {trainings} "
        f"without {nothing['validated'].sum()}. Probabilities whose log odds are off are caught in "
        + ", ".join(f"{part:.0%} ({shift})" for shift, part in caught.items())
        + f" of the cases: at {CUSTOMERS} customers a small miscalibration passes."
    )
    blocks = [
        table(found),
        "The columns of gates give the share of trainings that failed them; `either` is calibration or coverage. "
        "`covered outcomes` is what the gate sees (observed rates with their own noise, which it allows for); "
        "`covered rates` is the share of test rows whose group has its true rate within the stated 90 % interval.",
    ]
    command = f"python -m benchmarks.gate_power --trainings {trainings} --first-seed {seed} --write"
    return Page("gate_power", "What the gates catch", outcome, command, seed, seconds, blocks)


if __name__ == "__main__":
    sys.exit(main())
