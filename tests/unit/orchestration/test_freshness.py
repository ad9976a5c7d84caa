"""Which assets may be late, and when."""

from datetime import date

import dagster as dg

from companies import settings
from orchestration.freshness import POLICIES, with_policies


def of_cadence(cadence: str, layer: str) -> dg.AssetsDefinition:
    @dg.asset(key=[layer, cadence], tags={"layer": layer, "cadence": cadence})
    def made() -> None: ...

    return made


def policies(data_until: date | None) -> dict[str, object]:
    company = settings.load("sample").model_copy(update={"data_until": data_until})
    assets = [of_cadence("daily", "marts"), of_cadence("weekly", "models"), of_cadence("daily", "intermediate")]
    return {
        spec.key.to_user_string(): spec.freshness_policy
        for asset in with_policies(assets, company)
        for spec in asset.specs
    }


def test_what_a_person_waits_for_has_the_allowance_of_its_cadence() -> None:
    """Marts by the day, models by the week; what stands between has none, so that one cause shows one mark."""
    assert policies(None) == {
        "marts/daily": POLICIES["daily"],
        "models/weekly": POLICIES["weekly"],
        "intermediate/daily": None,
    }


def test_nothing_of_a_finished_company_is_late() -> None:
    """A source that ends on a set day brings nothing new."""
    assert set(policies(date(2025, 12, 31)).values()) == {None}
