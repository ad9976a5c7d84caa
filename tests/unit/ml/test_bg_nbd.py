import numpy as np
import pytest
from scipy.optimize import check_grad

from ml.models import bg_nbd, gamma_gamma

TRUTH = bg_nbd.BgNbd(r=0.8, alpha=6.0, a=0.9, b=3.0, log_likelihood=0.0)


def simulate(customers: int, horizon: float, seed: int = 7) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Draw x, t_x, age and the purchases in the following `horizon` weeks from TRUTH."""
    rng = np.random.default_rng(seed)
    age = rng.uniform(20, 60, customers)
    rate = rng.gamma(TRUTH.r, 1 / TRUTH.alpha, customers)
    lifetime = rng.geometric(rng.beta(TRUTH.a, TRUTH.b, customers))
    x, t_x, later = np.zeros(customers), np.zeros(customers), np.zeros(customers)
    for row in range(customers):
        times = np.cumsum(rng.exponential(1 / max(rate[row], 1e-12), min(int(lifetime[row]), 5000)))
        seen = times[times <= age[row]]
        x[row], t_x[row] = len(seen), seen[-1] if len(seen) else 0.0
        later[row] = np.sum((times > age[row]) & (times <= age[row] + horizon))
    return x, t_x, age, later


def test_fit_recovers_known_parameters() -> None:
    """On 20,000 simulated customers every parameter comes back within 15 %."""
    x, t_x, age, _ = simulate(20_000, 1.0)
    found = bg_nbd.fit(x, t_x, age)
    truth = [TRUTH.r, TRUTH.alpha, TRUTH.a, TRUTH.b]
    assert [found.r, found.alpha, found.a, found.b] == pytest.approx(truth, rel=0.15)


def test_gradient_is_that_of_the_likelihood() -> None:
    """The analytic gradient equals finite differences."""
    x, t_x, age, _ = simulate(200, 1.0)
    rows, counts = np.column_stack([x, t_x, age]), np.ones(200)

    def value(logs: np.ndarray) -> float:
        return bg_nbd._negative(logs, rows, counts)[0]

    def slope(logs: np.ndarray) -> np.ndarray:
        return bg_nbd._negative(logs, rows, counts)[1]

    assert check_grad(value, slope, np.log([0.6, 4.0, 0.7, 2.0])) < 1e-5


def test_tail_probabilities_sum_to_the_expectation() -> None:
    """E[Y] = sum over k of P(Y > k): two closed forms derived apart from one another agree."""
    x, t_x, age = np.array([0.0, 2.0, 9.0]), np.array([0.0, 12.0, 30.0]), np.array([20.0, 30.0, 31.0])
    tails = TRUTH.tail_probability(x, t_x, age, 26.0, 400)
    assert tails.sum(axis=1) == pytest.approx(TRUTH.expected_future_purchases(x, t_x, age, 26.0), rel=1e-6)


def test_tail_probabilities_equal_simulated_frequencies() -> None:
    """The share of customers with more than k purchases is the mean of the closed-form tails."""
    x, t_x, age, later = simulate(20_000, 26.0)
    tails = TRUTH.tail_probability(x, t_x, age, 26.0, 5).mean(axis=0)
    assert tails == pytest.approx([(later > k).mean() for k in range(6)], abs=0.01)


def test_unit_of_time_does_not_matter() -> None:
    """Days instead of weeks change alpha by seven and nothing else."""
    x, t_x, age, _ = simulate(2_000, 1.0)
    weeks, days = bg_nbd.fit(x, t_x, age), bg_nbd.fit(x, t_x * 7, age * 7)
    assert [days.r, days.alpha / 7, days.a, days.b] == pytest.approx([weeks.r, weeks.alpha, weeks.a, weeks.b], rel=1e-3)


def test_expectation_is_continuous_where_the_closed_form_divides_by_zero() -> None:
    """At a = 1 the result is that of an `a` a little above."""
    t = np.array([10.0])
    at = bg_nbd.BgNbd(0.8, 6.0, 1.0, 3.0, 0.0).expected_purchases(t)
    near = bg_nbd.BgNbd(0.8, 6.0, 1.001, 3.0, 0.0).expected_purchases(t)
    assert at == pytest.approx(near, rel=1e-2)


def test_nothing_to_fit_is_refused() -> None:
    """No customers, or none observed for any time, is an error that says so."""
    none = np.array([])
    with pytest.raises(bg_nbd.NoConvergenceError, match="needs customers"):
        bg_nbd.fit(none, none, none)
    with pytest.raises(bg_nbd.NoConvergenceError, match="positive amount"):
        gamma_gamma.fit(np.array([0.0]), np.array([0.0]))


def test_gamma_gamma_recovers_known_parameters_and_shrinks() -> None:
    """Parameters come back, and a customer's estimate lies between his own mean and everybody's."""
    rng = np.random.default_rng(3)
    x = rng.integers(1, 12, 20_000).astype(float)
    rate = rng.gamma(4.0, 1 / 15.0, len(x))
    mean = rng.gamma(6.0 * x, 1 / (rate * x))
    found = gamma_gamma.fit(x, mean)
    assert [found.p, found.q, found.v] == pytest.approx([6.0, 4.0, 15.0], rel=0.15)
    one = float(found.expected_amount(np.array([1.0]), np.array([200.0]))[0])
    assert found.population_mean() < one < 200
    assert float(found.expected_amount(np.array([0.0]), np.array([0.0]))[0]) == pytest.approx(found.population_mean())


def test_intervals_of_parameters_and_expectations_cover_the_truth() -> None:
    """Over 40 simulated companies, 90 % intervals hold each parameter and a customer's expectations that often."""
    inside = []
    customer = np.array([3.0]), np.array([20.0]), np.array([30.0])

    def statistics(model: bg_nbd.BgNbd) -> np.ndarray:
        future, alive = model.expected_future_purchases(*customer, 26.0), model.probability_alive(*customer)
        return np.concatenate([model.logs(), np.log(future), np.log(alive) - np.log1p(-alive)])

    wanted = statistics(TRUTH)
    for seed in range(40):
        x, t_x, age, _ = simulate(600, 1.0, seed)
        lower, upper = bg_nbd.fit(x, t_x, age).interval(statistics, 0.9)
        inside.append((lower <= wanted) & (wanted <= upper))
    found = np.mean(inside, axis=0)
    assert (found >= 0.78).all(), found
    assert found.mean() == pytest.approx(0.9, abs=0.06)
