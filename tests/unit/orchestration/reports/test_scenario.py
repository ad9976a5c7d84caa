import pytest

from companies.scenarios import DEFAULTS, Scenario
from orchestration.reports.scenario import chosen_scenarios


def test_levers_of_the_command_line_make_a_scenario_of_their_own() -> None:
    """A lever that is not named stays as it is."""
    found = chosen_scenarios({"churn": 10.0, "win": None, "leads": -20.0, "name": None}, DEFAULTS)
    assert found == {"asked for": Scenario(churn=10, leads=-20)}


def test_without_levers_the_named_scenarios_are_shown() -> None:
    """All of them, or the one asked for."""
    assert chosen_scenarios({"name": None}, DEFAULTS) == DEFAULTS
    assert list(chosen_scenarios({"name": "headwind"}, DEFAULTS)) == ["headwind"]


def test_what_cannot_be_is_refused() -> None:
    """An unknown name says which are known; nothing can fall by more than everything."""
    with pytest.raises(ValueError, match="known: more_churn"):
        chosen_scenarios({"name": "rain"}, DEFAULTS)
    with pytest.raises(ValueError, match="greater than or equal to -100"):
        chosen_scenarios({"churn": -150.0}, DEFAULTS)
