"""The monthly `as_of` partitions of a company, and the translation between a partition and its month end.

Partition `2025-03` stands for `as_of` 2025-03-31: what was known when that day ended.
"""

import calendar
from datetime import date

import dagster as dg

from companies.settings import Company


def monthly_as_of(company: Company) -> dg.TimeWindowPartitionsDefinition:
    """Partitions from the company's first month to the last complete one.

    A company whose source ends on a set day (`data_until`) has no partition after the last month end on or before it.
    """
    end = None if company.data_until is None else _month_after_last_complete(company.data_until)
    return dg.MonthlyPartitionsDefinition(
        start_date=company.history_starts_on.replace(day=1).strftime("%Y-%m"),
        end_date=None if end is None else end.strftime("%Y-%m"),
        timezone=company.time_zone,
        fmt="%Y-%m",
    )


def as_of(partition_key: str) -> date:
    """The month end a partition stands for."""
    year, month = (int(part) for part in partition_key.split("-"))
    return date(year, month, calendar.monthrange(year, month)[1])


def _month_after_last_complete(last_day: date) -> date:
    """First day of the first month that is not complete on `last_day`; partitions end before it."""
    is_month_end = last_day.day == calendar.monthrange(last_day.year, last_day.month)[1]
    if not is_month_end:
        return last_day.replace(day=1)
    return date(last_day.year + last_day.month // 12, last_day.month % 12 + 1, 1)
