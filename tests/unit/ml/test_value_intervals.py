import numpy as np

from ml.value_intervals import AmountBand, fit_amount_band


def test_intervals_of_skewed_amounts_cover_what_they_promise() -> None:
    """On new rows 90 % hold, for small predictions as for large ones, and neither side reaches below nothing."""
    random = np.random.default_rng(0)
    value = random.gamma(2, 100, 20_000)
    actual = np.where(random.random(20_000) < 0.4, 0, value * random.gamma(1, 1.7, 20_000))
    band = fit_amount_band(value[:10_000], actual[:10_000], 0.0)
    lower, upper = band.bounds(value[10_000:])
    inside = (actual[10_000:] >= lower) & (actual[10_000:] <= upper)
    large = value[10_000:] > 300
    assert abs(inside.mean() - 0.9) < 0.02
    assert abs(inside[large].mean() - 0.9) < 0.04
    assert lower.min() >= 0


def test_few_rows_give_the_whole_range() -> None:
    """With ten rows no order statistic leaves out a twentieth: the extremes bound."""
    band = fit_amount_band(np.zeros(10), np.arange(10.0), -np.inf)
    assert (band.downs, band.ups) == ((0.0,), (9.0,))


def test_band_survives_its_plain_data() -> None:
    """Stored and read back, the bounds are the same."""
    band = fit_amount_band(np.arange(300.0), np.arange(300.0) * 1.1, 0.0)
    again = AmountBand.from_json(band.to_json())
    np.testing.assert_array_equal(again.bounds(np.arange(50.0)), band.bounds(np.arange(50.0)))
