import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest

from orchestration.build import build_defs
from orchestration.checks.expectations import CHECKS, MENDS
from orchestration.deployment.instance import point_dagster_at
from orchestration.resources import Deployment
from tests import small_companies
from tests.runs import kept_environment

pytestmark = pytest.mark.slow  # imports the library and lands two companies
Launched = tuple[dg.ExecuteInProcessResult, dict[str, dg.AssetCheckEvaluation]]


@pytest.fixture(scope="module", autouse=True)
def _environment() -> Iterator[None]:
    with kept_environment():
        yield


def orders(*, last_month: int = 60) -> small_companies.Rows:
    """Sixty orders of 1 to 60 in each month, two a day; the last month may have fewer."""
    rows: small_companies.Rows = []
    for month in range(18):
        first = date(2023 + month // 12, month % 12 + 1, 1)
        is_last = month == 17
        for number in range(1, 1 + (last_month if is_last else 60)):
            day = first + timedelta(days=(number - 1) // (1 + last_month // 40 if is_last else 2) % 28)
            row = {"transaction_id": f"o{month}-{number}", "account_id": f"b{number}", "amount": number}
            rows.append(row | {"kind": "order", "occurred_at": day, "paid_at": day})
    return rows


def shop(folder: Path, rows: small_companies.Rows) -> Deployment:
    return small_companies.deploy(folder, "shop", "transactional", {"accounts": [], "transactions": rows})


def launch(deployment: Deployment, job: str) -> Launched:
    """Run a job; returns its result and what became of our checks, by table and check."""
    point_dagster_at(deployment)
    with dg.DagsterInstance.ephemeral() as instance:
        result = build_defs(deployment).resolve_job_def(job).execute_in_process(instance=instance, raise_on_error=False)
    found = {
        f"{each.asset_key.path[-1]} {each.check_name}": each
        for each in result.get_asset_check_evaluations()
        if each.check_name in CHECKS
    }
    return result, found


def unmet(found: dict[str, dg.AssetCheckEvaluation]) -> dict[str, str]:
    return {name: each.severity.value for name, each in found.items() if not each.passed}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[Deployment, Launched]:
    """A shop whose last month is like the others, landed."""
    deployment = shop(tmp_path_factory.mktemp("sound"), orders())
    return deployment, launch(deployment, "land_source")


def test_a_sound_source_meets_its_expectations_and_has_pages(sound: tuple[Deployment, Launched]) -> None:
    """Every raw table has both checks, none fails, and each leads to a page whose links lead somewhere."""
    _, (result, found) = sound
    assert result.success
    assert len(found) == 26
    assert unmet(found) == {}
    assert found["transactions meets_contract_expectations"].metadata["critical_evaluated"].value == 17
    pages = {Path(str(each.metadata["data_docs"].value)) for each in found.values()}
    assert len(pages) == 13
    for page in pages | {page.with_name("index.html") for page in pages}:
        links = re.findall(r'href="([^"]+)"', page.read_text(encoding="utf-8"))
        assert all((page.parent / link).is_file() for link in links)


def test_an_unusual_month_is_a_warning_and_stops_nothing(tmp_path: Path) -> None:
    """A tenth of the orders: the run succeeds, and the check warns with the expectation and what was found."""
    result, found = launch(shop(tmp_path, orders(last_month=6)), "land_source")
    assert result.success
    assert unmet(found) == {"transactions looks_like_its_history": "WARN"}
    table = found["transactions looks_like_its_history"].metadata["failures"].value
    assert "rows" in [record.data["column"] for record in table.records]


def test_a_null_written_by_hand_stops_what_follows(sound: tuple[Deployment, Launched]) -> None:
    """A row that landing would never accept: the check is an error that says the mend, and dbt does not start."""
    deployment, _ = sound
    with deployment.warehouse() as connection:
        connection.execute("alter table raw.transactions alter amount drop not null")
        connection.execute("update raw.transactions set amount = null where transaction_id = 'o3-7'")
    result, found = launch(deployment, "refresh_warehouse")
    assert not result.success
    assert unmet(found) == {"transactions meets_contract_expectations": "ERROR"}
    told = str(found["transactions meets_contract_expectations"].description)
    assert told.startswith("Does not hold: ")
    assert told.endswith(MENDS["contract"])
    (record,) = found["transactions meets_contract_expectations"].metadata["failures"].value.records
    assert (record.data["column"], record.data["severity"], record.data["unexpected"]) == ("amount", "critical", 1)
    started = {event.step_key for event in result.all_events if event.is_step_start}
    assert {step for step in started if step and step.startswith("dbt")} == set()
