"""A boosted challenger of BG/NBD × Gamma-Gamma in two parts: whether a customer buys, times what one who buys brings.

It learns at an earlier origin what customers brought in as many months as it is judged on, from their history and from
what the probability model says of them there. It is reported beside the model in every run and never served: it knows
no month beyond those it has seen, and the value covers years. Belongs here: its features and its fit. Does not belong
here: the comparison (`ml.models.clv`).
"""

from collections.abc import Mapping
from typing import Any, Final

import lightgbm as lgb
import numpy as np
import pandas as pd

from ml.arrays import BoolArray, FloatArray, logistic
from ml.encoding import EncodedColumn, Encoder
from ml.models.boosted import fit_boosted
from ml.models.clv_transactional import TransactionalClv
from ml.models.person_months import folds

METHOD: Final = "lightgbm_two_part"
LEAST_BUYERS: Final = 100
PARTS: Final = 4
AMOUNT_SETTINGS: Final[Mapping[str, Any]] = {
    "objective": "gamma", "metric": "gamma", "num_leaves": 15, "max_depth": 4, "learning_rate": 0.05, "lambda_l2": 5.0,
    "feature_fraction": 0.6, "bagging_fraction": 0.8, "bagging_freq": 1, "max_bin": 63,
    "deterministic": True, "force_row_wise": True, "num_threads": 1, "verbosity": -1,
}  # fmt: skip
HISTORY: Final = ("repeat_purchases", "last_age", "age", "mean_amount", "monthly_amount")
SAID: Final = ("value", "expected_purchases", "expected_amount")


def two_part(
    earlier: TransactionalClv,
    known: pd.DataFrame,
    brought: FloatArray,
    model: TransactionalClv,
    rows: pd.DataFrame,
    seed: int = 7,
) -> FloatArray | None:
    """Expected value of `rows`; None where fewer than `LEAST_BUYERS` of the known customers bought, or did not.

    Args:
        earlier, known, brought: model and customers of the earlier origin, and what each brought since, shape (n,).
        model, rows: model and customers of the origin to be judged, whose outcome is not read.
    """
    buys = brought > 0
    if min(buys.sum(), (~buys).sum()) < LEAST_BUYERS:
        return None
    then, now = _features(earlier, known), _features(model, rows)
    held = folds(known["account_id"], PARTS) == 0
    encoder = Encoder(tuple(EncodedColumn(f"feature_{number}", "number") for number in range(then.shape[1])))
    label = buys.astype(float)
    _, trees = fit_boosted(then[~held], label[~held], encoder, seed=seed, held_back=(then[held], label[held]))
    chance, _ = fit_boosted(then, label, encoder, seed=seed, rounds=trees)
    amount = _fit_amount(then[buys], brought[buys], held[buys], seed)
    return logistic(chance.score(now)) * np.asarray(amount.predict(now, num_threads=1), dtype=np.float64)


def _features(model: TransactionalClv, rows: pd.DataFrame) -> FloatArray:
    """History, time since the last purchase, and what the probability model expects."""
    said, history = model.expected(rows), rows[list(HISTORY)].to_numpy(np.float64)
    silent = (rows["age"] - rows["last_age"]).to_numpy(np.float64)
    alive = model.purchases.probability_alive(history[:, 0], history[:, 1], history[:, 2])
    return np.column_stack([history, silent, alive, said[list(SAID)].to_numpy(np.float64)])


def _fit_amount(features: FloatArray, brought: FloatArray, held: BoolArray, seed: int) -> lgb.Booster:
    """Mean of a positive amount (gamma deviance, log link), stopped by customers that are held out."""
    settings: dict[str, Any] = {**AMOUNT_SETTINGS, "min_data_in_leaf": int(np.clip(len(brought) // 100, 10, 200))}
    settings["seed"] = seed
    train = lgb.Dataset(features[~held], brought[~held], params=settings)
    newer = lgb.Dataset(features[held], brought[held], reference=train, params=settings)
    stop = lgb.early_stopping(30, verbose=False)
    first = lgb.train(settings, train, num_boost_round=400, valid_sets=[newer], callbacks=[stop])
    whole = lgb.Dataset(features, brought, params=settings)
    return lgb.train(settings, whole, num_boost_round=max(1, first.best_iteration))
