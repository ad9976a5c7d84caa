from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from orchestration.sensors.retraining import retraining_due
from tests import small_companies

ROW = {
    "model": "churn",
    "model_version": "3",
    "advice": "retrain",
    "reasons": "the score has shifted",
    "judged_on": "2024-05-31",
    "trained_rows": 1000,
    "new_outcomes": 400,
}


class Watch:
    """Ticks of the sensor, each in a context of its own."""

    def __init__(self, folder: Path) -> None:
        self.deployment = small_companies.deploy(folder, "small", "contractual", {"accounts": []})
        self.instance = dg.DagsterInstance.ephemeral()
        self.cursor: str | None = None
        self.key: str | None = None

    def told(self, *rows: dict[str, Any]) -> "Watch":
        """Leave advice as a run does."""
        metadata = {"advice": dg.MetadataValue.json([ROW | row for row in rows])}
        self.instance.report_runless_asset_event(
            dg.AssetMaterialization(["monitoring", "retraining_advice"], metadata=metadata)
        )
        return self

    def asks(self, *, dies: bool = False) -> bool:
        with dg.build_sensor_context(instance=self.instance, cursor=self.cursor) as context:
            data = retraining_due(self.deployment).evaluate_tick(context)
        self.cursor = self.cursor if dies else data.cursor or self.cursor
        keys = [one.run_key for one in data.run_requests or []]
        self.key = keys[0] if keys else None
        return bool(keys)


@pytest.fixture
def watch(tmp_path: Path) -> Watch:
    return Watch(tmp_path)


def test_advice_to_train_again_is_followed_once(watch: Watch) -> None:
    """The same advice about the same champion, told after every scoring, trains one time."""
    assert watch.told({}).asks()
    assert not watch.told({"judged_on": "2024-06-30", "new_outcomes": 450}).asks()


@pytest.mark.parametrize("advice", ["none", "watch"])
def test_other_advice_trains_nothing(watch: Watch, advice: str) -> None:
    """A shifted feature is watched, not trained away."""
    assert not watch.told({"advice": advice}).asks()


def test_a_new_champion_may_be_advised_against_again(watch: Watch) -> None:
    """When the training moved the champion, advice about the new one is another advice."""
    assert watch.told({}).asks()
    assert watch.told({"model_version": "4"}).asks()


@pytest.mark.parametrize("more", [{"new_outcomes": 650}, {"judged_on": "2025-05-31"}])
def test_as_much_new_evidence_asks_again(watch: Watch, more: dict[str, Any]) -> None:
    """A champion that no challenger beat is tried again once the limits of outcomes or age are passed anew."""
    assert watch.told({}).asks()
    assert watch.told(more).asks()
    assert not watch.asks()


def test_models_are_remembered_apart(watch: Watch) -> None:
    """One request trains all models; advice about another model is a request of its own, the first stays answered."""
    assert watch.told({}).asks()
    assert watch.told({}, {"model": "lead_score"}).asks()
    assert not watch.asks()


def test_a_crash_between_request_and_cursor_trains_once(watch: Watch) -> None:
    """The next tick asks with the same run key, which Dagster knows."""
    assert watch.told({}).asks(dies=True)
    first = watch.key
    assert watch.asks()
    assert watch.key == first


def test_without_advice_nothing_is_asked(watch: Watch) -> None:
    """Before the first scoring there is no advice."""
    assert not watch.asks()
