from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from orchestration.launching import COMPANY_TAG
from orchestration.runs.failing_checks import failing_checks

TAGS = {COMPANY_TAG: "small"}


@dg.asset
def table() -> None:
    """A table that is checked."""


@dg.multi_asset_check(specs=[dg.AssetCheckSpec(name, asset="table") for name in ("mended", "broken", "holds")])
def checks(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
    """One check is mended between two runs."""
    is_second = "second" in context.run.tags
    for name, passed in (("mended", is_second), ("broken", False), ("holds", True)):
        yield dg.AssetCheckResult(
            asset_key="table",
            check_name=name,
            passed=passed,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"reasons": f"{name} [because]", "count": 3},
        )


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as made:
        yield made


def test_the_newest_result_of_each_check_counts(instance: dg.DagsterInstance) -> None:
    """A mended check is none of them, a broken one tells its reason; another company's are left out."""
    definitions: list[dg.AssetsDefinition] = [table, checks]
    dg.materialize(definitions, instance=instance, tags=TAGS)
    assert {check.check for check in failing_checks(instance, "small")} == {"mended", "broken"}
    newest = dg.materialize(definitions, instance=instance, tags=TAGS | {"second": "yes"})
    (found,) = failing_checks(instance, "small")
    assert (found.asset, found.check, found.severity, found.reason) == ("table", "broken", "WARN", "broken [because]")
    assert found.run_id == newest.run_id
    assert list(failing_checks(instance, "other")) == []
