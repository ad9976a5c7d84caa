from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from ml import bundles, registry
from ml.evaluation import Status
from ml.gate_results import GateResult
from ml.models.bg_nbd import BgNbd
from ml.registrations import Store
from ml.training_record import flat_metrics
from tests.small_registry import PROVENANCE, TABLE, Doubler, Log, outcome

# MLflow's store asks SQLAlchemy 2.1 for a strategy that is deprecated there.
pytestmark = pytest.mark.filterwarnings("ignore:.*noload.*")


def test_validated_candidate_becomes_champion_and_is_loaded_bit_equal(store: Store, log: Log) -> None:
    """What is served is exactly what was trained."""
    done = log(factor=1 / 3)
    loaded, info = registry.load_champion(store, "churn", Doubler.load)
    assert (done.is_new, info.version, info.status) == (True, "1", "validated")
    pd.testing.assert_frame_equal(loaded.predict(TABLE), Doubler(1 / 3).predict(TABLE), check_exact=True)


def test_version_says_where_it_comes_from(store: Store, log: Log) -> None:
    """Status, data, period, code and orchestration run can be read from the version alone."""
    log()
    info = registry.champion_info(store, "churn")
    assert info is not None
    expected = {
        "validation": "passed",
        "snapshot_id": "2024-06-30",
        "content_hash": "a",
        "as_of_range": "2023-01-31 to 2024-06-30",
        "git_commit": "abc123",
        "dagster_run_id": "run-1",
        "feature_versions": '{"feat_customer_usage": 2}',
    }
    assert expected.items() <= info.tags.items()


def test_run_holds_metrics_with_bounds_and_the_report(store: Store, log: Log) -> None:
    """Metrics of the model and of its baselines, parameters and the readable report stand in one run."""
    import mlflow

    run = mlflow.MlflowClient(store.tracking_uri).get_run(log().run_id)
    assert run.data.metrics == {
        "auc": 0.8,
        "auc_lower": 0.75,
        "auc_upper": 0.85,
        "base_rate/auc": 0.5,
        "positive_share": 0.2,
    }
    assert run.data.params == {"learning_rate": "0.05"}
    report = mlflow.artifacts.load_text(f"{run.info.artifact_uri}/report.md")
    assert "base_rate" in report


def test_run_says_its_verdict_where_people_look_first(store: Store, log: Log) -> None:
    """Name and description tell a failed training from a good one without opening a file."""
    import mlflow

    run = mlflow.MlflowClient(store.tracking_uri).get_run(log("failed_gates").run_id)
    assert run.info.run_name == "churn failed_gates"
    assert run.data.tags["mlflow.note.content"].startswith("- The reliability gate failed.")


def test_version_is_described_by_its_card() -> None:
    """The first line says what the version is; links of the card, which lead nowhere in the registry, become words."""
    provenance = replace(
        PROVENANCE, model_card="# Card\n[decision](../decisions/1.md),\n[paper](https://example.org/p)"
    )
    first, *_, title, text = provenance.description(outcome("failed_gates").report, "failed_gates").splitlines()
    assert first == "failed gates: lightgbm, data up to 2024-06-30"
    assert (title, text) == ("# Card", "decision, [paper](https://example.org/p)")
    assert provenance.description(outcome().report, "fallback").startswith("fallback: shrunken baseline")


def test_a_reviewer_reads_the_comparison_first() -> None:
    """Before the card stand how to decide, the champion's comparison, failed gates and the figures beside baselines."""
    gates = (
        GateResult("is_calibrated", True, "calibration error 0.01"),
        GateResult("not_worse_than_champion", False, "worse than the champion: difference in auc -0.030"),
    )
    report = replace(outcome().report, gates=gates)
    lines = replace(PROVENANCE, promotion="review").description(report, "validated").splitlines()
    assert "`review_comment`" in lines[2]
    assert lines[4] == "**Against the champion:** worse than the champion: difference in auc -0.030."
    assert lines[8].startswith("| ✗ not worse than champion |")
    assert "On 100 test rows, 2024-01-31 to 2024-03-31, base rate 0.200; 95 % intervals:" in lines
    assert "| auc | 0.8 (0.75 to 0.85) | 0.5 |" in lines


def test_a_long_card_is_cut_to_what_every_registry_takes() -> None:
    """A database refuses more than 5,000 characters; whole paragraphs stay, and where the rest is."""
    card = "\n\n".join(f"Paragraph {number}. " + "x" * 300 for number in range(30))
    text = replace(PROVENANCE, model_card=card).description(outcome().report, "validated")
    assert len(text) <= 5000
    assert text.endswith("xxx\n\nThe rest is in model_card.md among the run's artifacts.")


def test_failed_candidate_is_challenger_and_the_champion_stays(store: Store, log: Log) -> None:
    """A model that fails its gates is kept with its reasons and never served."""
    log(data="a")
    failed = log("failed_gates", data="b").candidate
    challenger = registry.challenger_info(store, "churn")
    assert failed is not None
    assert challenger == failed
    assert (challenger.tags["validation"], challenger.tags["reasons"]) == ("failed", "The reliability gate failed.")
    assert registry.champion_info(store, "churn").version == "1"


@pytest.mark.parametrize("status", ["failed_gates", "insufficient_data"])
def test_without_a_champion_the_fallback_is_served(store: Store, log: Log, status: Status) -> None:
    """Something honest can always be served, and it says that it is a fallback."""
    log(status)
    model, info = registry.load_champion(store, "churn", Doubler.load)
    assert (model.factor, info.status) == (1.0, "fallback")


def test_beside_a_fallback_the_refused_candidate_is_challenger(store: Store, log: Log) -> None:
    """Serving the fallback does not take the alias from the candidate of the same training."""
    done = log("failed_gates")
    assert done.candidate is not None
    assert registry.challenger_info(store, "churn") == done.candidate


def test_fallback_is_renewed_and_then_gives_way(log: Log) -> None:
    """New data renew a fallback champion; the first validated candidate replaces it."""
    versions = [log(status, data=status).champion for status in ("insufficient_data", "failed_gates", "validated")]
    assert [(version.status, version.previous_champion) for version in versions] == [
        ("fallback", None),
        ("fallback", "1"),
        ("validated", "3"),
    ]


def test_insufficient_data_do_not_replace_a_validated_champion(log: Log) -> None:
    """A later training without enough data leaves no version and no change."""
    log(data="a")
    done = log("insufficient_data", data="b")
    assert (done.candidate, done.champion.version) == (None, "1")


def test_an_outdated_forecast_gives_way_to_the_newer_fallback(store: Store, log: Log) -> None:
    """A forecast is bound to its date: where the newest is refused, its own baseline is served, not last month's."""
    log(data="a")
    newer = replace(outcome("failed_gates"), expires=True)
    refused = registry.log_training(store, newer, replace(PROVENANCE, content_hash="b"))
    assert refused.champion is not None
    assert (refused.champion.status, refused.champion.previous_champion) == ("fallback", "1")


def test_same_training_is_recorded_once(log: Log) -> None:
    """Equal data, parameters and code give the existing version and no second run."""
    first, again, other = log(), log(), log(params={"learning_rate": 0.1})
    assert (again.is_new, again.run_id, again.candidate) == (False, first.run_id, first.candidate)
    assert (other.is_new, other.champion.version) == (True, "2")


def test_the_champion_moves_by_one_statement(store: Store, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """While versions change there is a champion before every call to the registry, never none."""
    import mlflow

    log(data="a")
    seen: list[str | None] = []

    def watched(method: str) -> None:
        original = getattr(mlflow.MlflowClient, method)

        def call(self: mlflow.MlflowClient, *args: object, **named: object) -> object:
            result = original(self, *args, **named)
            seen.append(registry.champion_info(store, "churn"))
            return result

        monkeypatch.setattr(mlflow.MlflowClient, method, call)

    for method in ("set_registered_model_alias", "delete_registered_model_alias", "create_model_version"):
        watched(method)
    log(data="b")
    registry.roll_back(store, "churn", approver="Ada", reason="worse")
    assert [info.version for info in seen if info is not None] == ["1", "2", "1"]
    assert None not in seen


def test_interrupted_training_changes_nothing_for_readers(
    store: Store, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that dies before its version is registered leaves the champion, and is not taken for a record."""
    log(data="a")

    def die(*_: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(registry, "_register", die)
        with pytest.raises(OSError, match="disk full"):
            log(data="b")
    assert registry.champion_info(store, "churn").version == "1"
    assert log(data="b").is_new


def test_mlflow_itself_can_load_the_champion(log: Log) -> None:
    """`mlflow.pyfunc.load_model("models:/churn@champion")` predicts the same."""
    import mlflow

    log(factor=3.0)
    found = mlflow.pyfunc.load_model("models:/churn@champion").predict(TABLE)
    pd.testing.assert_frame_equal(found, Doubler(3.0).predict(TABLE), check_exact=True)


def test_bundles_of_foreign_classes_are_refused(tmp_path: Path) -> None:
    """Only this project's model classes are imported by name, and a folder without manifest is no bundle."""
    with pytest.raises(bundles.BundleError, match="holds no"):
        bundles.read(tmp_path)
    (tmp_path / bundles.MANIFEST).write_text('{"module": "os", "name": "system"}', encoding="utf-8")
    with pytest.raises(bundles.BundleError, match="only classes of"):
        bundles.read(tmp_path)
    assert BgNbd.__module__.startswith(bundles.TRUSTED)


def test_metrics_that_are_not_finite_are_left_out() -> None:
    """An undefined figure is absent, not zero."""
    row = outcome().report.metrics[0]
    assert flat_metrics([replace(row, lower=float("nan"), upper=None)], "lightgbm") == {
        "auc": 0.8,
        "positive_share": 0.2,
    }


def test_the_kept_method_stands_first() -> None:
    """A long list of metrics opens with the model's own; those of a baseline carry its name, without bounds."""
    row = outcome().report.metrics[0]
    found = flat_metrics([replace(row, method="rule", is_baseline=True), row], "lightgbm")
    assert list(found) == ["auc", "auc_lower", "auc_upper", "rule/auc", "positive_share"]


def test_trials_of_a_search_are_runs_below_the_training(store: Store) -> None:
    """Every trial has a run of its own, with its settings and its loss, that points to the training's run."""
    import mlflow

    trials = pd.DataFrame({"trial": [0, 1], "loss": [0.4, 0.3], "leaves": [8, 31]})
    searched = outcome()
    searched = replace(searched, report=searched.report.with_tables({"search_trials": trials}))
    parent = registry.log_training(store, searched, PROVENANCE).run_id
    client = mlflow.MlflowClient(store.tracking_uri)
    experiment = client.get_run(parent).info.experiment_id
    below = client.search_runs([experiment], f"tags.mlflow.parentRunId = '{parent}'")
    assert sorted((run.data.params["leaves"], run.data.metrics["loss"]) for run in below) == [("31", 0.3), ("8", 0.4)]
    assert {run.info.status for run in below} == {"FINISHED"}
