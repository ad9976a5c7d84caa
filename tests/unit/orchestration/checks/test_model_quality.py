import dagster as dg
import pytest

from ml.evaluation import TrainingReport
from ml.gate_results import GateResult
from ml.registrations import Registration, VersionInfo
from orchestration.checks import model_quality

CHAMPION = VersionInfo("churn", "3", "run", "validated", None, {})


def results(gates: tuple[GateResult, ...], champion: VersionInfo | None = CHAMPION) -> dict[str, dg.AssetCheckResult]:
    report = TrainingReport("churn", "failed_gates", ("needs more rows",), None, gates=gates)
    registration = Registration("run", None, champion, is_new=True)
    return {str(result.check_name): result for result in model_quality.results(report, registration)}


def test_every_declared_check_gets_a_result() -> None:
    """What the graph promises is what a training reports."""
    assert set(results(())) == {spec.name for spec in model_quality.specs("churn")} == set(model_quality.DESCRIPTIONS)


@pytest.mark.parametrize("gate", [gate for gates in model_quality.GATES.values() for gate in gates])
def test_a_gate_that_fails_fails_its_check(gate: str) -> None:
    """One failed gate is one check that does not hold, with the gate's reason."""
    failed = results((GateResult(gate, passed=False, reason="because"),))
    check = next(name for name, gates in model_quality.GATES.items() if gate in gates)
    assert not failed[check].passed
    assert "because" in str(failed[check].metadata["reasons"].value)


def test_only_a_leak_or_nothing_to_serve_blocks() -> None:
    """A weak model is a warning: the baseline is served. A leak, or no champion at all, stops what follows."""
    blocking = {spec.name for spec in model_quality.specs("churn") if spec.blocking}
    assert blocking == {"does_not_leak", "can_be_served"}
    found = results((GateResult("no_leaking_feature", passed=False, reason="leaks"),), champion=None)
    errors = {name for name, result in found.items() if not result.passed and result.severity.value == "ERROR"}
    assert errors == blocking


def test_a_gate_that_was_not_reached_says_why() -> None:
    """Too little data: not judged, with the report's reason; no leak is claimed."""
    found = results(())
    assert not found["beats_baseline"].passed
    assert "needs more rows" in str(found["beats_baseline"].metadata["reasons"].value)
    assert found["does_not_leak"].passed
