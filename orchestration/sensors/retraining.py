"""Advice to train again (drift, matured outcomes, age) asks for a training, once per advice and champion.

Belongs here: when advice counts as answered. Does not belong here: how advice comes about (`ml.monitoring`), training.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

import dagster as dg

from companies.reporting import Monitoring
from orchestration.resources import Deployment


@dataclass(frozen=True)
class Advice:
    """What was said of a model's champion, and on which evidence.

    Attributes:
        judged_on: the last day the data covered then, ISO.
        trained_rows, new_outcomes: rows it learned from, and rows whose outcome became known since.
    """

    model: str
    model_version: str
    advice: str
    reasons: str
    judged_on: str
    trained_rows: int
    new_outcomes: int

    def is_answered_by(self, asked: "Advice | None", limits: Monitoring) -> bool:
        """Whether an earlier request covers it: the same champion, and not as much new evidence as the limits ask for.

        Without it a champion that no challenger beats would be trained against after every scoring.
        """
        if asked is None or asked.model_version != self.model_version:
            return False
        grown = self.new_outcomes - asked.new_outcomes
        aged = date.fromisoformat(self.judged_on) - date.fromisoformat(asked.judged_on)
        has_evidence = grown >= max(limits.new_outcomes_share * self.trained_rows, 1)
        return not has_evidence and aged < timedelta(days=limits.max_age_days)


def due(advice: Sequence[Advice], asked: Mapping[str, Advice], limits: Monitoring) -> list[Advice]:
    """The advice to train again that no earlier request answers."""
    return [one for one in advice if one.advice == "retrain" and not one.is_answered_by(asked.get(one.model), limits)]


def retraining_due(deployment: Deployment) -> dg.SensorDefinition:
    """The sensor on the newest advice about the company's champions."""
    company = deployment.company
    is_on = "retraining_due" in company.automation.on

    @dg.sensor(
        name="retraining_due",
        job_name="train_models",
        minimum_interval_seconds=company.automation.look_every_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING if is_on else dg.DefaultSensorStatus.STOPPED,
        description=(
            "Trains the models again when monitoring advises it: worse than promised, shifted scores, many matured "
            "outcomes or age. Once per champion, and again for the same one only on as much new evidence."
        ),
    )
    def ask(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        asked = {model: Advice(**one) for model, one in json.loads(context.cursor or "{}").items()}
        found = due(_newest(context.instance, deployment), asked, company.monitoring)
        if not found:
            return dg.SensorResult(skip_reason="No champion is advised to be trained again that was not asked for yet.")
        for one in found:
            context.log.info(f"{one.model} version {one.model_version}: {one.reasons}")
        remembered = {model: asdict(one) for model, one in asked.items()} | {one.model: asdict(one) for one in found}
        return dg.SensorResult([dg.RunRequest(run_key=_key(found))], cursor=json.dumps(remembered))

    return ask


def _key(found: Sequence[Advice]) -> str:
    """Equal advice gives an equal key: a crash between request and cursor does not train twice."""
    text = json.dumps([asdict(one) for one in found], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _newest(instance: dg.DagsterInstance, deployment: Deployment) -> list[Advice]:
    event = instance.get_latest_materialization_event(deployment.asset_key("monitoring", "retraining_advice"))
    found = event.asset_materialization.metadata.get("advice") if event and event.asset_materialization else None
    rows: Any = found.value if found else []
    return [Advice(**row) for row in rows]
