"""What a model's page says of its training."""

from datetime import date

import pytest

from ml.evaluation import MetricRow, TrainingReport
from ml.gate_results import GateResult
from ml.registrations import Registration, VersionInfo
from orchestration.looks import model_looks

UI = "http://127.0.0.1:5000"
CHAMPION = VersionInfo("churn", "3", "run", "validated", None, {})


def metric(method: str, name: str, value: float, *, is_baseline: bool = False, width: float | None = 0.1) -> MetricRow:
    low, high = (None, None) if width is None else (value - width, value + width)
    days = (date(2024, 7, 31), date(2025, 6, 30))
    return MetricRow("churn", method, name, value, low, high, 12_000, 600, *days, is_baseline)


def report(*metrics: MetricRow, gates: tuple[GateResult, ...] = ()) -> TrainingReport:
    return TrainingReport("churn", "validated", ("too few rows",), "lightgbm", metrics=metrics, gates=gates)


def registration() -> Registration:
    return Registration("abc", None, CHAMPION, is_new=True, experiment_id="7")


def test_methods_stand_side_by_side_with_interval_and_base_rate() -> None:
    """The model first and bold, on which rows and at which base rate; what a method lacks is a dash."""
    told = str(
        model_looks.methods(
            report(
                metric("rule", "auc", 0.6, is_baseline=True, width=None),
                metric("lightgbm", "auc", 0.8),
                metric("lightgbm", "brier", 0.05),
            )
        ).value
    )
    assert told.splitlines() == [
        "12,000 test rows, as_of 2024-07-31 to 2025-06-30, base rate 5.00%. Bold: the model itself.",
        "",
        "| method | auc | brier |",
        "|---|---|---|",
        "| **lightgbm** | 0.800 (0.700 to 0.900) | 0.050 (-0.050 to 0.150) |",
        "| rule | 0.600 | – |",
    ]


def test_amounts_have_no_digits_after_the_point() -> None:
    """A mean error of two million is read by its thousands."""
    told = str(model_looks.methods(report(metric("ets", "mae", 2_000_000.123, width=1_000.0))).value)
    assert "| 2,000,000 (1,999,000 to 2,001,000) |" in told


def test_a_model_that_was_not_judged_says_why() -> None:
    """Without test rows there is no table."""
    assert model_looks.methods(report()).value == "not judged: too few rows"
    assert model_looks.gates(report()).value == "no gate was reached"


def test_failed_gates_come_first_and_say_whether_they_block() -> None:
    """What a person has to look at stands on top; a reason with a bar stays in its cell."""
    gates = (
        GateResult("is_calibrated", passed=True, reason="close"),
        GateResult("beats_best_baseline", passed=False, reason="0.1 | 0.2"),
        GateResult("interval_coverage", passed=False, reason="narrow", blocking=False),
    )
    assert str(model_looks.gates(report(gates=gates)).value).splitlines()[2:] == [
        "| beats_best_baseline | **failed** | 0.1 \\| 0.2 |",
        "| interval_coverage | failed, does not block | narrow |",
        "| is_calibrated | passed | close |",
    ]


def test_links_lead_to_the_run_and_to_the_versions_that_there_are() -> None:
    """No link to a candidate where there is none; where no UI is known, the run is named and how to get the link."""
    found = {name: value.value for name, value in model_looks.links(registration(), UI).items()}
    assert found == {
        "mlflow_run": f"{UI}/#/experiments/7/runs/abc",
        "registered_champion": f"{UI}/#/models/churn/versions/3",
    }
    (told,) = model_looks.links(registration(), "").values()
    assert "run abc" in str(told.value)
    assert "LIFECYCLE_MLFLOW_UI" in str(told.value)


def test_a_password_in_the_address_of_mlflow_is_in_no_link() -> None:
    """Links are kept for years in records that everybody reads."""
    for value in model_looks.links(registration(), "https://ada:s3cret@mlflow.example.org/ui/").values():
        assert str(value.value).startswith("https://mlflow.example.org/ui/#/")


@pytest.mark.parametrize("prefix", [(), ("acme",)])
def test_inputs_name_each_feature_with_its_unit_and_lead_to_its_view(prefix: tuple[str, ...]) -> None:
    """Under the keys that the graph has, also where several companies share it."""
    told = str(model_looks.inputs("churn", prefix)["inputs"].value)
    page = "/".join(["", "assets", *prefix, "features", "feat_customer_usage"])
    assert f"[feat_customer_usage]({page})" in told
    assert all(line.count(" | ") == 5 for line in told.splitlines()[2:])
