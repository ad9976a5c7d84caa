from datetime import date

import pandas as pd

from ml.labels import churn_labels, close_month_labels, lead_labels, win_labels


def rows(entity: str, *pairs: tuple[str, str]) -> pd.DataFrame:
    """Keys of a feature table."""
    return pd.DataFrame(pairs, columns=[entity, "as_of"])


def spells(*facts: tuple[str, str, str | None]) -> pd.DataFrame:
    """Customer spells."""
    return pd.DataFrame(facts, columns=["account_id", "started_on", "ended_on"])


def churned(keys: pd.DataFrame, facts: pd.DataFrame, until: date, confirm: int = 0) -> list[int]:
    """Labels in the order of the keys."""
    found = churn_labels(keys, facts, horizon_days=90, confirm_days=confirm, data_until=until)
    return [int(value) for value in found["churned"]]


def test_churn_counts_from_the_day_after_as_of_to_the_last_day_of_the_horizon() -> None:
    """An end on as_of is no row, one on day 90 is a churn, one on day 91 is none."""
    keys = rows("account_id", ("a", "2024-01-31"), ("b", "2024-01-31"), ("c", "2024-01-31"))
    facts = spells(
        ("a", "2023-01-01", "2024-01-31"), ("b", "2023-01-01", "2024-04-30"), ("c", "2023-01-01", "2024-05-01")
    )
    assert churned(keys, facts, date(2025, 1, 1)) == [1, 0]


def test_churn_leaves_out_rows_whose_horizon_is_not_over_even_if_the_end_is_known() -> None:
    """A row is labelled only once horizon and grace are over, whatever happened before."""
    keys = rows("account_id", ("a", "2024-01-31"))
    facts = spells(("a", "2023-01-01", "2024-02-05"))
    assert churned(keys, facts, date(2024, 5, 29), confirm=30) == []
    assert churned(keys, facts, date(2024, 5, 30), confirm=30) == [1]


def test_churn_reads_the_spell_active_at_as_of() -> None:
    """A returned customer is judged by the new spell; between spells there is no row."""
    keys = rows("account_id", ("a", "2023-01-31"), ("a", "2023-06-30"), ("a", "2024-01-31"))
    facts = spells(("a", "2022-01-01", "2023-03-01"), ("a", "2023-09-01", None))
    assert churned(keys, facts, date(2025, 1, 1)) == [1, 0]


def test_lead_that_is_a_customer_already_is_no_row() -> None:
    """Only open leads are labelled; conversion on the last day of the horizon counts."""
    keys = rows("lead_id", ("a", "2024-01-10"), ("a", "2024-02-10"), ("b", "2024-01-10"), ("c", "2024-01-10"))
    facts = pd.DataFrame(
        {"lead_id": ["a", "b", "c"], "created_on": "2024-01-10", "customer_on": ["2024-02-10", "2024-04-09", None]}
    )
    found = lead_labels(keys, facts, horizon_days=90, data_until=date(2025, 1, 1))
    assert found["converted"].tolist() == [1, 1, 0]
    assert found["lead_id"].tolist() == ["a", "b", "c"]


def test_lead_labels_start_with_the_first_usable_lead() -> None:
    """Leads created before `leads_from` are left out."""
    keys = rows("lead_id", ("old", "2024-02-10"), ("new", "2024-02-10"))
    facts = pd.DataFrame({"lead_id": ["old", "new"], "created_on": ["2023-12-31", "2024-01-01"], "customer_on": None})
    found = lead_labels(keys, facts, horizon_days=90, data_until=date(2025, 1, 1), leads_from=date(2024, 1, 1))
    assert found["lead_id"].tolist() == ["new"]


def test_win_labels_tell_won_lost_and_open_apart() -> None:
    """Lost and still open are both not won; a closed deal without a date is left out."""
    keys = rows("deal_id", *((deal, "2024-01-31") for deal in "abcde"))
    facts = pd.DataFrame(
        {
            "deal_id": list("abcde"),
            "closed_on": ["2024-02-10", "2024-03-01", None, None, "2024-12-01"],
            "outcome": ["won", "lost", "open", "won", "won"],
        }
    )
    found = win_labels(keys, facts, horizon_days=90, data_until=date(2025, 6, 1)).set_index("deal_id")
    assert found["won"].to_dict() == {"a": 1, "b": 0, "c": 0, "e": 0}
    assert found["lost"].to_dict() == {"a": 0, "b": 1, "c": 0, "e": 0}
    assert found.loc["a", "closed_in_days"] == 10
    assert found["closed_in_days"].isna().sum() == 2


def test_labels_of_nothing_are_empty() -> None:
    """No rows give no labels, with the right columns."""
    found = churn_labels(rows("account_id"), spells(), horizon_days=90, confirm_days=0, data_until=date(2024, 1, 1))
    assert list(found.columns) == ["account_id", "as_of", "churned"]
    assert found.empty


def test_close_months_end_with_the_deal_and_with_the_data() -> None:
    """A deal has a row for each month it entered open and whose end is covered; the last one tells how it ended."""
    keys = rows("deal_id", ("won", "2024-01-31"), ("open", "2024-01-31"), ("lost", "2024-01-31"))
    deals = pd.DataFrame(
        {
            "deal_id": ["won", "open", "lost"],
            "closed_on": ["2024-03-15", None, "2024-02-10"],
            "outcome": ["won", "open", "lost"],
        }
    )
    found = close_month_labels(keys, deals, month_days=30, months=12, data_until=date(2024, 5, 10))
    told = {deal: part[["month", "won", "lost"]].to_numpy().tolist() for deal, part in found.groupby("deal_id")}
    assert told == {
        "won": [[1, 0, 0], [2, 1, 0]],
        "open": [[1, 0, 0], [2, 0, 0], [3, 0, 0]],
        "lost": [[1, 0, 1]],
    }
