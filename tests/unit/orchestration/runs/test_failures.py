import dagster as dg
import pytest

from ingestion.errors import SourceError
from orchestration.runs import failures


def cause_of(error: Exception) -> failures.Cause:
    """What is said of a run whose only step raises this."""

    @dg.op
    def land() -> None:
        raise error

    @dg.job
    def land_source() -> None:
        land()

    with dg.DagsterInstance.ephemeral() as instance:
        run = land_source.execute_in_process(instance=instance, raise_on_error=False)
        [cause] = failures.causes(instance, run.run_id)
    return cause


def test_our_errors_are_told_as_the_sentences_they_are() -> None:
    """Where a sentence for people comes from is left out; a foreign error keeps its name."""
    assert cause_of(SourceError("deals.csv: no column 'amount'")).reason == "deals.csv: no column 'amount'"
    assert cause_of(OSError("no space left")).reason == "OSError: no space left"


def test_a_failure_with_a_description_is_told_by_it() -> None:
    """What a job says of a wrong request reaches whoever launched it."""
    assert cause_of(dg.Failure("model 'churn' cannot be rolled back: no champion")).reason.endswith("no champion")


@pytest.mark.parametrize(
    "text", ["cannot open postgresql://lifecycle:s3cret@db/dagster", "smtp://user:s3cret@mail.example.org:587 refused"]
)
def test_a_password_in_an_error_is_not_told(text: str) -> None:
    """An address in a message keeps its place, not its password."""
    reason = cause_of(ValueError(text)).reason
    assert "s3cret" not in reason
    assert ":***@" in reason
