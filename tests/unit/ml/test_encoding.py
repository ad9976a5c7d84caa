import numpy as np
import pandas as pd

from ml.encoding import Encoder, _earlier_sums, fit_encoder, training_matrix
from ml.training_frames import TrainingFrame, training_frame
from tests.unit.ml.synthetic import column, customers


def frame_of(values: list[str], labels: np.ndarray, days: pd.DatetimeIndex) -> TrainingFrame:
    """One row per entity with one category."""
    keys = pd.DataFrame({"account_id": [f"{i:05d}" for i in range(len(values))], "as_of": days})
    return training_frame(
        keys.assign(page=values),
        keys.assign(churned=labels),
        entity="account_id",
        columns=[column("page", "categorical")],
        label="churned",
        horizon_days=30,
    )


def test_few_levels_become_codes_and_unseen_ones_are_missing() -> None:
    """A level that training never saw is nan, not a wrong code."""
    frame, _ = customers(20, 6)
    encoder = fit_encoder(frame)
    changed = frame.data.head(2).assign(plan=["basic", "never seen"])
    coded = encoder.transform(changed)[:, frame.feature_names.index("plan")]
    assert np.isnan(coded).tolist() == [False, True]


def test_many_levels_become_rates_and_unseen_ones_the_prior() -> None:
    """A landing page with many levels becomes its smoothed rate."""
    frame, _ = customers(200, 12)
    encoder = fit_encoder(frame)
    page = encoder.columns[frame.feature_names.index("page")]
    assert page.form == "rate"
    coded = encoder.transform(frame.data.head(1).assign(page="never seen"))[:, frame.feature_names.index("page")]
    assert coded.tolist() == [page.prior]


def test_training_rates_use_only_labels_known_at_as_of() -> None:
    """Flipping the labels of later rows does not change the rate that earlier rows see."""
    days = pd.date_range("2024-01-01", periods=600)
    values = [f"p{i % 20}" for i in range(600)]
    labels = (np.arange(600) % 3 == 0).astype(int)
    changed = np.where(np.arange(600) >= 300, 1 - labels, labels)
    codes = np.arange(600) % 20
    own, other = (_earlier_sums(frame_of(values, part, days), codes) for part in (labels, changed))
    np.testing.assert_array_equal(own[0][:330], other[0][:330])
    assert own[1][29] == 0
    assert own[1][330] == len([row for row in range(301) if row % 20 == 330 % 20])


def test_training_rates_without_history_leave_the_own_entity_out() -> None:
    """With random labels, a category with a level per row tells a model nothing about its own label."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, 400)
    frame = frame_of([f"p{i // 2}" for i in range(400)], labels, pd.DatetimeIndex(["2024-01-01"] * 400))
    rates = training_matrix(fit_encoder(frame), frame)[:, 0]
    assert abs(np.corrcoef(rates, labels)[0, 1]) < 0.15 or np.ptp(rates) == 0


def test_encoder_survives_its_plain_data() -> None:
    """Stored and read back, the encoder gives the same matrix."""
    frame, _ = customers(50, 6)
    encoder = fit_encoder(frame)
    again = Encoder.from_json(encoder.to_json())
    np.testing.assert_array_equal(encoder.transform(frame.data), again.transform(frame.data))


def test_nulls_of_any_kind_are_missing() -> None:
    """None in a flag, null in a category and infinity in a number do not break the encoding."""
    frame, _ = customers(20, 6)
    odd = frame.data.head(3).assign(
        is_late=pd.array([True, None, False], dtype="boolean"), plan=["basic", None, "pro"], usage=[np.inf, 1.0, np.nan]
    )
    matrix = fit_encoder(frame).transform(odd)
    assert np.isnan(matrix[:, frame.feature_names.index("usage")]).tolist() == [True, False, True]
    assert np.isnan(matrix[:, frame.feature_names.index("is_late")]).tolist() == [False, True, False]
