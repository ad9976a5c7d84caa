"""Behaviour of the whole training on tables of unknown origin."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml import tables
from ml.binary_metrics import Ranking, auc
from ml.table_result import NoModelError, TableResult


def table(rows: int = 800, seed: int = 0) -> pd.DataFrame:
    """An outcome that follows a withheld number, a text number, a category and a bend; and an amount of its own."""
    random = np.random.default_rng(seed)
    usage, money = random.normal(size=rows), random.gamma(2, 50, rows)
    plan = random.choice(["basic", "plus", "pro"], rows)
    odds = -0.5 + 1.5 * usage + 1.2 * (plan == "basic") + 0.01 * (money - 100) + 1.5 * (np.abs(usage) < 0.5)
    return pd.DataFrame(
        {
            "customerID": [f"c{value}" for value in random.permutation(rows)],
            "usage": np.where(random.random(rows) < 0.2, np.nan, usage),
            "spent": [f"${value:,.2f}" for value in money],
            "plan": plan,
            "noise": random.normal(size=rows),
            "seen": pd.date_range("2022-01-01", periods=rows),
            "Churn": np.where(random.random(rows) < 1 / (1 + np.exp(-odds)), "Yes", "No"),
            "amount": np.where(
                random.random(rows) < 0.3, 0.0, np.exp(3 + usage + (plan == "basic") + 0.4 * random.normal(size=rows))
            ),
        }
    )


@cache
def crossed() -> TableResult:
    """A training without dates."""
    return tables.train(table(), label="Churn", exclude=["seen", "amount"])


@cache
def dated() -> TableResult:
    """A training with dates, a gap and a search."""
    search = tables.Search(trials=3, seconds=60)
    return tables.train(table(), label="Churn", time="seen", gap_days=30, exclude=["amount"], search=search)


@cache
def amounts() -> TableResult:
    """A training of amounts."""
    return tables.train(table(), label="amount", task="value", exclude=["seen", "Churn"])


def figure(result: TableResult, metric: str) -> float:
    found = result.metrics()
    return float(found.loc[found["method"].eq("model") & found["metric"].eq(metric), "value"].iloc[0])


def test_a_table_is_trained_judged_and_said_to_be_cross_validated() -> None:
    """Without dates every row is judged once, all methods stand side by side, and the notes say what the figure is."""
    result = crossed()
    assert result.status == "validated", result.notes
    assert any("cross-validated" in note and "not out of time" in note for note in result.notes)
    assert any("customerID" in note for note in result.notes)
    assert {"model", "lightgbm", "logistic_regression", "base_rate", "rule"} <= set(result.metrics()["method"])
    assert result.metrics()["rows"].eq(800).all()
    assert figure(result, "auc") > 0.8
    assert {"reliability", "lift", "drivers", "capacities", "columns", "leak_check"} <= set(result.report.tables)


def test_a_table_with_dates_is_judged_out_of_time() -> None:
    """The newest rows judge, a gap after the last row that trained."""
    result = dated()
    assert any(note.startswith("out of time") for note in result.notes)
    test = result.report.tables["test_predictions"]
    assert test["as_of"].min() > table()["seen"].quantile(0.7)


def test_new_rows_of_the_same_kind_are_ranked_as_promised() -> None:
    """On rows drawn later the AUC is the one reported, within sampling noise, and rates are those stated."""
    fresh = table(3_000, seed=1)
    value = crossed().predict(fresh, with_reasons=False)["value"].to_numpy()
    is_churned = fresh["Churn"].eq("Yes").to_numpy(dtype=float)[None, :]
    ranking = Ranking.of(value)
    found = auc(ranking.sums(is_churned), ranking.sums(1 - is_churned))[0]
    assert abs(found - figure(crossed(), "auc")) < 0.03
    assert abs(value.mean() - is_churned.mean()) < 0.03


@pytest.mark.parametrize("trained", [crossed, dated, amounts])
def test_a_stored_result_predicts_the_same_for_a_batch_and_for_each_row(trained, tmp_path: Path) -> None:  # noqa: ANN001
    """Saved, read back and asked row by row, predictions and reasons do not change in a bit."""
    result, rows = trained(), table(40, seed=2)
    result.save(tmp_path)
    again = tables.load(tmp_path)
    batch = result.predict(rows)
    pd.testing.assert_frame_equal(again.predict(rows), batch, check_exact=True)
    for row in (0, 17, 39):
        pd.testing.assert_frame_equal(again.predict(rows.iloc[[row]]), batch.iloc[[row]], check_exact=True)
    assert again.notes == result.notes
    assert len(again.metrics()) == len(result.metrics())


def test_training_twice_writes_the_same_bytes(tmp_path: Path) -> None:
    """The same table gives the same files, search included."""
    again = tables.train(
        table(),
        label="Churn",
        time="seen",
        gap_days=30,
        exclude=["amount"],
        search=tables.Search(trials=3, seconds=60),
    )
    for name, result in (("first", dated()), ("second", again)):
        result.save(tmp_path / name)
    for path in (tmp_path / "first").rglob("*.*"):
        assert path.read_bytes() == (tmp_path / "second" / path.relative_to(tmp_path / "first")).read_bytes()


def test_a_search_leaves_its_trials_in_the_report() -> None:
    """Every trial is plain data: its settings and its loss on held-back training rows."""
    trials = dated().report.tables["search_trials"]
    assert len(trials) == 3
    assert {"trial", "loss", "leaves", "learning_rate"} <= set(trials.columns)


def test_amounts_that_are_often_nothing_are_expected_and_bounded() -> None:
    """Closer than the mean, never below nothing, right in total, and the intervals hold as often as they say."""
    result = amounts()
    mean = result.metrics().query("method == 'mean' and metric == 'rmse'")["value"].iloc[0]
    assert figure(result, "rmse") < 0.95 * mean
    assert abs(figure(result, "coverage") - 0.9) < 0.05
    assert abs(figure(result, "aggregate_bias")) < 0.1
    assert result.predict(table(50, seed=3))["lower"].min() >= 0


@pytest.mark.parametrize("leak", ["category", "code", "missing", "level"])
def test_a_planted_leak_is_named_and_refused(leak: str) -> None:
    """A reason, a code that neither rises nor falls, a date that only the gone have, a telling level: no model."""
    frame = table(400)
    is_churned = frame["Churn"].eq("Yes")
    random = np.random.default_rng(0)
    planted = {
        "category": np.where(is_churned, random.choice(["price", "service"], 400), "none"),
        "code": np.where(is_churned, 5, random.choice([1, 2, 3, 7, 8, 9], 400)),
        "missing": np.where(is_churned, "2024-05-01", None),
        "level": [f"g{number}{gone}" for number, gone in zip(random.integers(0, 15, 400), is_churned, strict=True)],
    }
    result = tables.train(frame.assign(why=planted[leak]), label="Churn", exclude=["amount"])
    assert result.status == "refused"
    assert "why (AUC" in result.notes[0]
    with pytest.raises(NoModelError, match="why"):
        result.predict(frame)
    assert result.fallback.predict(frame.head(3))["value"].between(0.2, 0.8).all()


def test_an_amount_that_is_known_already_is_refused() -> None:
    """A column that is the amount in other words is named."""
    frame = table(200)
    result = tables.train(frame.assign(gross=frame["amount"] * 1.19), label="amount", task="value", exclude=["Churn"])
    assert result.status == "refused"
    assert "gross" in result.notes[0]


def test_an_allowed_leak_is_used_and_recorded() -> None:
    """A person's word lets the column in, and the report keeps that word."""
    frame = table(200).assign(known=lambda rows: rows["Churn"].eq("Yes") * 3.0)
    result = tables.train(frame, label="Churn", exclude=["amount", "seen"], allow=["known"])
    assert result.model is not None
    assert any("allowed by name" in note and "known" in note for note in result.notes)


@pytest.mark.parametrize("rows", [0, 1, 12])
def test_too_little_data_say_what_is_missing(rows: int) -> None:
    """No error and no model, but a sentence and the overall rate with its interval."""
    frame = table(200).head(rows)
    for settled in ({"label": "Churn"}, {"label": "amount", "task": "value"}):
        result = tables.train(frame, exclude=["seen"], **settled)
        assert result.status == "insufficient_data"
        assert "needs about" in result.notes[0]
        assert len(result.fallback.predict(table(3))) == 3


def test_forty_rows_are_enough_to_try() -> None:
    """A tiny table is trained without error; its verdict carries wide intervals."""
    result = tables.train(table(40), label="Churn", exclude=["seen", "amount"])
    assert result.model is not None
    found = result.metrics().query("method == 'model' and metric == 'auc'").iloc[0]
    assert found["upper"] - found["lower"] > 0.1


def test_columns_may_be_kept_out_of_the_reasons() -> None:
    """A column that must not be given as a reason is still learned from."""
    result = tables.train(table(200), label="Churn", exclude=["seen", "amount"], never_a_reason=["plan"])
    given = {reason["feature"] for reasons in result.predict(table(100, seed=4))["reasons"] for reason in reasons}
    assert "plan" not in given
    assert "usage" in given


def test_a_table_is_refused_with_a_sentence() -> None:
    """A column that is not there and names that repeat are told."""
    with pytest.raises(tables.TableError, match="no column churned"):
        tables.train(table(50), label="churned")
    with pytest.raises(tables.TableError, match="names repeat: usage"):
        tables.train(pd.concat([table(50), table(50)[["usage"]]], axis=1), label="Churn")
