"""Customer value: train either business model, judge it out of time, and keep a fallback.

Label: discounted gross margin of an account in the months after `as_of`. Horizon: `Terms.months`; judged over as many
months as history allows (a third of it, twelve at most), because three unseen years rarely exist. Belongs here: the
choice of origins, the comparison with baselines, the gates. Does not belong here: the models themselves
(`clv_transactional`, `clv_contractual`, `clv_fallback`), storage.

Three origins: the model fitted at the first is calibrated on the months up to the second; the one fitted at the second
carries that calibration and is judged on the months up to the third, which is the end of the data; the candidate is
fitted at the third and calibrated on the months before it.
"""

from dataclasses import dataclass, replace
from datetime import date
from typing import Final

import numpy as np
import pandas as pd

from ml import gates, value_metrics
from ml.arrays import FloatArray
from ml.evaluation import TrainingOutcome, TrainingReport, status_of
from ml.gate_results import GateResult
from ml.models import clv_challenger, clv_contractual, clv_transactional
from ml.models.bg_nbd import NoConvergenceError
from ml.models.clv_fallback import SteadyClv
from ml.models.clv_histories import Contractual, Model, Transactional, later
from ml.models.clv_terms import Terms

MODEL: Final = "clv"
LONGEST_TEST: Final = 12
LEAST_TEST: Final = 2
LEAST_CUSTOMERS: Final = 30
LEAST_EVENTS: Final = 10
LARGEST_BIAS: Final = 0.3

Outcome = TrainingOutcome[Model, SteadyClv]


def run_training(sources: Transactional | Contractual, last_as_of: date, terms: Terms) -> Outcome:
    """Fit, calibrate and judge.

    Args:
        last_as_of: the newest month end covered by the data.

    Returns:
        The candidate is None when there is too little data; the report says how much is missing.
    """
    fallback = sources.fallback(last_as_of, terms) if _has_rows(sources) else SteadyClv(0.03, terms)
    missing = _missing(sources, last_as_of)
    if missing:
        return TrainingOutcome(TrainingReport(MODEL, "insufficient_data", missing, None), None, fallback)
    try:
        return _judged(sources, last_as_of, terms, fallback)
    except NoConvergenceError as error:
        return TrainingOutcome(TrainingReport(MODEL, "insufficient_data", (str(error),), None), None, fallback)


def _judged(sources: Transactional | Contractual, end: date, terms: Terms, fallback: SteadyClv) -> Outcome:
    months = _test_months(sources.months_of_history(end))
    short = replace(terms, months=months)
    middle, start = later(end, -months), later(end, -2 * months)
    earlier = _Earlier.of(sources, start, short)
    fitted, rows = sources.fit(middle, short), sources.customers(middle)
    actual = sources.realised(rows["account_id"], middle, months, short)
    tested = fitted if earlier is None else _with_doubt_of(fitted, earlier.calibrated())
    prediction = tested.predict(rows)
    kept = tested.method
    simpler = {model.method: model.predict(rows)["value"].to_numpy(float) for model in tested.siblings()}
    methods = {
        kept: prediction["value"].to_numpy(float),
        **simpler,
        **_baselines(sources, middle, short, rows, start),
    }
    challengers = _challengers(earlier, fitted, rows)
    metrics = value_metrics.metric_rows(MODEL, {**methods, **challengers}, actual, kept, middle, end)
    inside = np.asarray((prediction["lower"] <= actual) & (prediction["upper"] >= actual), dtype=float)
    metrics.append(value_metrics.coverage_row(MODEL, kept, inside, middle, end))
    found = _gates(methods, actual, kept, inside, terms.nominal)
    candidate = _with_doubt_of(sources.fit(end, terms), fitted.calibrated(rows, actual))
    status, reasons = status_of(found)
    tables = {"deciles": value_metrics.decile_table(actual, methods[kept])}
    note = f"judged on {len(rows)} customers over {months} months; the value covers {terms.months} months"
    told = (*reasons, *tested.remarks(), *_compared(methods[kept], challengers, actual), note)
    report = TrainingReport(MODEL, status, told, kept, tuple(metrics), found, tables)
    return TrainingOutcome(report, candidate, fallback)


@dataclass(frozen=True)
class _Earlier:
    """A model of an earlier origin, its customers, and what they have brought since."""

    model: Model
    rows: pd.DataFrame
    brought: FloatArray

    @classmethod
    def of(cls, sources: Transactional | Contractual, origin: date, terms: Terms) -> "_Earlier | None":
        """None where the origin has too few customers, or too little is known of them, for a model."""
        rows = sources.customers(origin)
        if len(rows) < LEAST_CUSTOMERS:
            return None
        try:
            model = sources.fit(origin, terms)
        except NoConvergenceError:
            return None
        return cls(model, rows, sources.realised(rows["account_id"], origin, terms.months, terms))

    def calibrated(self) -> Model:
        """The model with the interval adjustment it needed."""
        return self.model.calibrated(self.rows, self.brought)


def _challengers(earlier: _Earlier | None, fitted: Model, rows: pd.DataFrame) -> dict[str, FloatArray]:
    """What is reported beside the model and never served."""
    if (
        earlier is None
        or not isinstance(fitted, clv_transactional.TransactionalClv)
        or not isinstance(earlier.model, clv_transactional.TransactionalClv)
    ):
        return {}
    found = clv_challenger.two_part(earlier.model, earlier.rows, earlier.brought, fitted, rows)
    return {} if found is None else {clv_challenger.METHOD: found}


def _compared(value: FloatArray, challengers: dict[str, FloatArray], actual: FloatArray) -> tuple[str, ...]:
    """A sentence per challenger: whether it would have been better."""
    found = []
    for name, other in challengers.items():
        gain = value_metrics.rmse_difference(actual, other, value)
        verdict = "is better than" if gain.lower > 0 else "is not better than"
        found.append(
            f"challenger {name.replace('_', ' ')} {verdict} the model: rmse lower by {gain.value:+.3f} "
            f"(95 % interval {gain.lower:+.3f} to {gain.upper:+.3f})"
        )
    return tuple(found)


def _with_doubt_of(fitted: Model, earlier: Model) -> Model:
    """Carry over what an earlier origin has taught about level and intervals."""
    if isinstance(fitted, clv_transactional.TransactionalClv) and isinstance(
        earlier, clv_transactional.TransactionalClv
    ):
        return replace(fitted, level=earlier.level)
    if isinstance(fitted, clv_contractual.ContractualClv) and isinstance(earlier, clv_contractual.ContractualClv):
        return fitted.with_calibration_of(earlier)
    msg = f"{type(fitted).__name__} cannot take the intervals of {type(earlier).__name__}"
    raise TypeError(msg)


def _baselines(
    sources: Transactional | Contractual, origin: date, terms: Terms, rows: pd.DataFrame, earlier: date
) -> dict[str, FloatArray]:
    """ACV × tenure, a line through the monthly amount, and the mean, all learned before `origin`."""
    known = sources.customers(earlier)
    past = sources.realised(known["account_id"], earlier, terms.months, terms)
    amount, now = known["monthly_amount"].to_numpy(float), rows["monthly_amount"].to_numpy(float)
    mean = float(past.mean()) if len(past) else 0.0
    slope, level = np.polyfit(amount, past, 1) if len(known) >= LEAST_CUSTOMERS and np.ptp(amount) else (0.0, mean)
    return {
        "acv_times_tenure": sources.fallback(origin, terms).predict(rows)["value"].to_numpy(float),
        "linear": np.maximum(0.0, slope * now + level),
        "mean": np.full(len(rows), mean),
    }


def _gates(
    methods: dict[str, FloatArray], actual: FloatArray, kept: str, inside: FloatArray, nominal: float
) -> tuple[GateResult, ...]:
    others = {name: values for name, values in methods.items() if name != kept}
    best = min(
        others, key=lambda name: value_metrics.value_of(value_metrics.root_mean_squared_error, actual, others[name])
    )
    differences = {best: value_metrics.rmse_difference(actual, methods[kept], others[best])}
    bias = value_metrics.value_of(value_metrics.aggregate_bias, actual, methods[kept])
    passed = abs(bias) <= LARGEST_BIAS
    total = f"predicted total is {bias:+.0%} off the realised one; {LARGEST_BIAS:.0%} is the most allowed"
    return (
        gates.beats_best_baseline(differences, best),
        gates.covers(float(inside.mean()), nominal, len(actual)),
        GateResult("total_is_close", passed, total, bias, LARGEST_BIAS),
    )


def _missing(sources: Transactional | Contractual, end: date) -> tuple[str, ...]:
    """Sentences that say how much data is missing; empty when there is enough."""
    if not _has_rows(sources):
        return ("there is no customer history yet; customer value needs some months of it",)
    reasons = []
    months = sources.months_of_history(end)
    if months < 3 * LEAST_TEST:
        reasons.append(f"needs about {3 * LEAST_TEST - months} more months of history")
    origin = later(end, -_test_months(months))
    customers, events = len(sources.customers(origin)), sources.events(origin)
    if customers < LEAST_CUSTOMERS:
        reasons.append(f"needs about {LEAST_CUSTOMERS - customers} more customers before {origin}")
    if events < LEAST_EVENTS:
        reasons.append(f"needs about {LEAST_EVENTS - events} more {sources.event_name} before {origin}")
    return tuple(reasons)


def _has_rows(sources: Transactional | Contractual) -> bool:
    return len(sources.purchases if isinstance(sources, Transactional) else sources.movements) > 0


def _test_months(history: int) -> int:
    return int(np.clip(history // 3, LEAST_TEST, LONGEST_TEST))
