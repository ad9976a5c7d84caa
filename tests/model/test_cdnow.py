"""The published results on CDNOW (Fader & Hardie's research data), as golden values."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml.models import bg_nbd, gamma_gamma

CALIBRATION_END = pd.Timestamp("1997-09-30")


def read(folder: Path, name: str) -> pd.DataFrame:
    """One row per customer and day of purchase; columns customer, day, amount."""
    if "sample" in name:
        names, skip = ["master", "customer", "day", "discs", "amount"], 0
    else:
        names, skip = ["customer", "day", "discs", "amount"], 1
    rows = pd.read_csv(folder / "cdnow" / name, sep=r"\s+", header=None, names=names, skiprows=skip)
    rows["day"] = pd.to_datetime(rows["day"].astype(str))
    return rows.groupby(["customer", "day"], as_index=False)["amount"].sum()


def summarise(purchases: pd.DataFrame) -> pd.DataFrame:
    """Per customer: x, t_x, T in weeks to the end of calibration, mean repeat amount, purchases of the holdout."""
    known = purchases[purchases["day"] <= CALIBRATION_END]
    days = known.groupby("customer")["day"]
    first = days.min()
    repeats = known[known["day"] > known["customer"].map(first)].groupby("customer")["amount"].mean()
    later = purchases[purchases["day"] > CALIBRATION_END].groupby("customer").size()
    return pd.DataFrame(
        {
            "x": days.size() - 1.0,
            "t_x": (days.max() - first).dt.days / 7,
            "age": (CALIBRATION_END - first).dt.days / 7,
            "mean_amount": repeats.reindex(first.index).fillna(0.0),
            "holdout": later.reindex(first.index).fillna(0).astype(float),
        }
    )


@pytest.fixture(scope="module")
def sample(data_dir: Path) -> pd.DataFrame:
    """The 1/10 sample of 2,357 customers."""
    return summarise(read(data_dir, "CDNOW_sample.txt"))


@pytest.fixture(scope="module")
def fitted(sample: pd.DataFrame) -> bg_nbd.BgNbd:
    """BG/NBD on the sample's calibration period."""
    return bg_nbd.fit(*(sample[name].to_numpy() for name in ("x", "t_x", "age")))


def test_bg_nbd_reaches_the_published_maximum(fitted: bg_nbd.BgNbd) -> None:
    """Parameters and log-likelihood equal those of Fader, Hardie & Lee (2005), table 2."""
    found = [round(value, 3) for value in (fitted.r, fitted.alpha, fitted.a, fitted.b)]
    assert found == [0.243, 4.414, 0.793, 2.426]
    assert fitted.log_likelihood == pytest.approx(-9582.43, abs=0.005)


def test_gamma_gamma_reaches_the_published_maximum(sample: pd.DataFrame) -> None:
    """Parameters equal those of Fader & Hardie (2013)."""
    found = gamma_gamma.fit(sample["x"].to_numpy(), sample["mean_amount"].to_numpy())
    assert [round(value, 2) for value in (found.p, found.q, found.v)] == [6.25, 3.74, 15.44]


def test_expected_purchases_equal_the_published_ones(fitted: bg_nbd.BgNbd) -> None:
    """The conditional expectation of the paper's example customer, and E[X(t)] of the paper's spreadsheet."""
    one = fitted.expected_future_purchases(np.array([2.0]), np.array([30.43]), np.array([38.86]), 39.0)
    assert one[0] == pytest.approx(1.226, abs=5e-4)
    found = fitted.expected_purchases(np.array([0.1429, 1, 3, 31.8571, 32, 78]))
    assert found == pytest.approx([0.0078, 0.0532, 0.1506, 1.0405, 1.0437, 1.8576], abs=5e-4)


def test_the_sample_holdout_is_predicted_as_well_as_published(sample: pd.DataFrame, fitted: bg_nbd.BgNbd) -> None:
    """Over 39 unseen weeks: correlation 0.626, mean absolute error 0.786, 1,653 purchases of 1,882."""
    rows = [sample[name].to_numpy() for name in ("x", "t_x", "age")]
    predicted, seen = fitted.expected_future_purchases(*rows, 39.0), sample["holdout"].to_numpy()
    assert round(float(np.corrcoef(predicted, seen)[0, 1]), 3) >= 0.626
    assert float(np.abs(predicted - seen).mean()) <= 0.786
    assert round(float(predicted.sum())) == 1653


def test_all_customers_are_fitted_and_foretold_as_by_the_reference(data_dir: Path) -> None:
    """The full file: parameters; over 39 unseen weeks correlation 0.669, error 0.819, 16,874 of 19,684 purchases."""
    rows = summarise(read(data_dir, "CDNOW_master.txt"))
    history = [rows[name].to_numpy() for name in ("x", "t_x", "age")]
    found, seen = bg_nbd.fit(*history), rows["holdout"].to_numpy()
    assert len(rows) == 23_570
    assert [round(value, 3) for value in (found.r, found.alpha, found.a, found.b)] == [0.252, 4.789, 0.723, 2.161]
    predicted = found.expected_future_purchases(*history, 39.0)
    assert round(float(np.corrcoef(predicted, seen)[0, 1]), 3) >= 0.669
    assert round(float(np.abs(predicted - seen).mean()), 3) <= 0.819
    assert (round(float(predicted.sum())), seen.sum()) == (16_874, 19_684)


def test_the_median_of_the_predictive_distribution_errs_less_than_its_mean(
    sample: pd.DataFrame, fitted: bg_nbd.BgNbd
) -> None:
    """On the sample the closed-form tails give a median forecast with an absolute error of 0.666, not 0.785."""
    rows = [sample[name].to_numpy() for name in ("x", "t_x", "age")]
    median = (fitted.tail_probability(*rows, 39.0, 100) > 0.5).sum(axis=1)
    assert float(np.abs(median - sample["holdout"].to_numpy()).mean()) < 0.67


def test_standard_errors_are_those_of_the_observed_information(sample: pd.DataFrame, fitted: bg_nbd.BgNbd) -> None:
    """Doubling every customer halves the variances, and 95 % intervals hold the parameters of all 23,570 customers."""
    rows = [sample[name].to_numpy() for name in ("x", "t_x", "age")]
    doubled = bg_nbd.fit(*(np.tile(values, 2) for values in rows))
    assert np.array(fitted.covariance) == pytest.approx(2 * np.array(doubled.covariance), rel=0.01)
    lower, upper = fitted.interval(lambda model: model.logs(), 0.95)
    everyone = np.log([0.252, 4.789, 0.723, 2.161])
    assert (lower < everyone).all()
    assert (everyone < upper).all()
