"""Synthetic customers with a known hazard, for tests of the learners."""

import numpy as np
import pandas as pd

from feature_definitions.base import FeatureColumn, Kind
from ml.training_frames import TrainingFrame, training_frame


def column(name: str, kind: Kind = "numeric", driver: str = "usage") -> FeatureColumn:
    """A declared feature with wording."""
    high, low = f"{name} is high ({{value}})", f"{name} is low ({{value}})"
    return FeatureColumn(name, kind, name, "score", driver, high, low, f"mend {name}", "known_at_scoring")


def customers(
    entities: int = 300,
    months: int = 24,
    seed: int = 0,
    *,
    strength: float = 1.0,
    pages: int = 60,
    rate: float = -1.8,
    bound: bool = False,
) -> tuple[TrainingFrame, np.ndarray]:
    """Rows per customer and month; the label follows two numbers, a flag and a category; three columns are noise.

    Args:
        bound: every other customer has a contract of a year (one more column, the months until it ends) and cannot
            leave in its first eight months.

    Returns:
        The frame and the true probability of each of its rows.
    """
    random = np.random.default_rng(seed)
    rows = entities * months
    base = random.normal(size=entities)
    page = random.integers(pages, size=entities)
    effect = random.normal(size=pages) * 0.5
    data = pd.DataFrame(
        {
            "account_id": np.tile([f"a{i:05d}" for i in range(entities)], months),
            "as_of": np.repeat(pd.date_range("2022-01-31", periods=months, freq="ME"), entities),
            "usage": np.tile(base, months) + random.normal(size=rows) * 0.7,
            "tickets": random.poisson(1.0, rows).astype(float),
            "is_late": random.random(rows) < 0.3,
            "plan": random.choice(["basic", "plus", "pro"], rows),
            "page": np.tile([f"p{i}" for i in page], months),
            "noise": random.normal(size=rows),
            "tenure": np.repeat(np.arange(months), entities).astype(float),
            "mrr": np.exp(random.normal(4, 1, rows)),
        }
    )
    signal = -0.9 * data["usage"] + 0.4 * data["tickets"] + 0.8 * data["is_late"] + np.tile(effect[page], months)
    signal = signal + data["plan"].map({"basic": 0.4, "plus": 0.0, "pro": -0.4})
    chance = 1 / (1 + np.exp(-(rate + strength * signal)))
    if bound:
        left = (np.tile(random.integers(12, size=entities), months) - np.repeat(np.arange(months), entities)) % 12
        data["renewal"] = np.where(np.tile(np.arange(entities) % 2 == 0, months), left, np.nan)
        chance = chance.where(~(data["renewal"] >= 4), 0.0)
    data.loc[random.random(rows) < 0.1, "usage"] = np.nan
    labels = data[["account_id", "as_of"]].assign(churned=(random.random(rows) < chance).astype(int))
    kinds: dict[str, Kind] = {"is_late": "flag", "plan": "categorical", "page": "categorical"}
    names = ["usage", "tickets", "is_late", "plan", "page", "noise", "tenure", "mrr", *(["renewal"] if bound else [])]
    columns = [column(name, kinds.get(name, "numeric"), f"driver_{name}") for name in names]
    frame = training_frame(
        data, labels, entity="account_id", columns=columns, label="churned", horizon_days=90, confirm_days=30
    )
    return frame, chance.to_numpy()  # the input is sorted as the frame is
