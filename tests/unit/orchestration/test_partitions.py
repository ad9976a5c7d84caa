from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companies.settings import Company
from orchestration.partitions import as_of, monthly_as_of


def company(history_starts_on: date, data_until: date | None) -> Company:
    return Company.model_validate(
        {
            "name": "small",
            "title": "Small",
            "business_model": "contractual",
            "currency": "EUR",
            "time_zone": "Europe/Berlin",
            "history_starts_on": history_starts_on,
            "data_until": data_until,
            "source": {"kind": "files", "folder": "small", "system": "small", "files": {}, "tables": []},
        }
    )


@pytest.mark.parametrize(
    ("data_until", "last"),
    [
        (date(2018, 11, 14), "2018-10"),
        (date(2018, 11, 30), "2018-11"),
        (date(2018, 12, 31), "2018-12"),
        (date(2018, 12, 30), "2018-11"),
    ],
)
def test_last_partition_is_the_last_complete_month(data_until: date, last: str) -> None:
    """A month whose end the source does not cover has no partition."""
    keys = monthly_as_of(company(date(2017, 6, 14), data_until)).get_partition_keys()
    assert (keys[0], keys[-1]) == ("2017-06", last)


def test_open_end_follows_the_clock() -> None:
    """A company without a last day gets a partition for every month that is over."""
    keys = monthly_as_of(company(date(2024, 1, 1), None)).get_partition_keys()
    assert keys[0] == "2024-01"
    assert as_of(keys[-1]) < date.today()


@given(st.dates(min_value=date(1990, 1, 1), max_value=date(2090, 1, 1)))
def test_as_of_is_the_month_end(day: date) -> None:
    """The day after a partition's as_of is the first of a month."""
    month_end = as_of(day.strftime("%Y-%m"))
    assert month_end >= day
    assert (month_end.toordinal() + 1 - day.replace(day=1).toordinal()) in (28, 29, 30, 31)
    assert date.fromordinal(month_end.toordinal() + 1).day == 1
