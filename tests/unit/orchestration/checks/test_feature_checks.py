"""What a person is told of a feature view that stops its models."""

from pathlib import Path

import dagster as dg

from orchestration.checks import features_as_known
from orchestration.checks.schemas import schema_checks
from orchestration.resources import Deployment


def test_a_view_that_does_not_fit_says_what_and_the_mend(tmp_path: Path) -> None:
    """The first failure, that models wait, and which job to run after the mend."""
    deployment = Deployment(company_name="small", state_folder=str(tmp_path), data_folder=str(tmp_path))
    deployment.state.mkdir()
    with deployment.warehouse() as connection:
        connection.execute(
            "create schema features; create table features.feat_customer_usage as select 'a' as account_id"
        )
    (check,) = [one for one in schema_checks() if one.check_key.asset_key.path[-1] == "feat_customer_usage"]
    result = check(deployment)
    assert isinstance(result, dg.AssetCheckResult)
    assert not result.passed
    told = str(result.description)
    assert "as_of" in str(result.metadata["examples"].value)
    assert "Models that read the view wait." in told
    assert "refresh_features" in told


def test_a_view_that_knows_too_much_says_so() -> None:
    """The reason of the comparison is the description; a view that holds needs none."""
    leak = features_as_known._result(passed=False, reason="usage_28d is not what was known then")
    assert leak.description == "usage_28d is not what was known then. Models that read the view wait."
    assert features_as_known._result(passed=True, reason="equal").description is None
