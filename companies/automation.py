"""What a company's deployment does by itself: which schedules and sensors are switched on, and when they look.

Belongs here: cadences in the company's time zone and how patient the watch over its files is. Does not belong here:
what a schedule or sensor asks for (`orchestration.schedules`, `orchestration.sensors`), who is told of a failure.
"""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from companies.reporting import Frozen

Trigger = Literal[
    "daily_refresh",
    "weekly_training",
    "monthly_forecast",
    "weekly_pruning",
    "new_files",
    "score_after_refresh",
    "retraining_due",
    "reviews",
    "champion_changed",
]
FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day of month", 1, 31), ("month", 1, 12), ("day of week", 0, 7))
PART = re.compile(r"^(?:\*|(?P<first>\d{1,2})(?:-(?P<last>\d{1,2}))?)(?:/(?P<step>\d{1,2}))?$")


def _is_cron(value: str) -> str:
    """Five fields of numbers, `*`, ranges, lists and steps, each within its bounds.

    Raises:
        ValueError: names the field that is wrong.
    """
    parts = value.split()
    if len(parts) != len(FIELDS):
        msg = f"needs five fields (minute hour day-of-month month day-of-week), has {len(parts)}; such as '0 5 * * *'"
        raise ValueError(msg)
    for text, (field, lowest, highest) in zip(parts, FIELDS, strict=True):
        if not all(_fits(part, lowest, highest) for part in text.split(",")):
            msg = f"{field} '{text}' is not *, a number, range, list or step from {lowest} to {highest}"
            raise ValueError(msg)
    return value


def _fits(part: str, lowest: int, highest: int) -> bool:
    found = PART.match(part)
    if found is None or found["step"] in ("0", "00"):
        return False
    first = int(found["first"] or lowest)
    return lowest <= first <= int(found["last"] or highest) <= highest


Cron = Annotated[str, AfterValidator(_is_cron)]


class Automation(Frozen):
    """What happens without a person, in the company's time zone.

    Attributes:
        on: schedules and sensors that run from the start; the others wait until a person switches them on in the UI.
        daily_refresh: when the source is landed and everything up to the features rebuilt.
        weekly_training: when all models are trained again.
        monthly_forecast: when revenue is forecast anew, from the newest month that the data cover.
        weekly_pruning: when old run records, snapshots and artifacts are removed by policy.
        look_every_seconds: how often the source's folder is looked at.
        quiet_seconds: how long a file must not have changed before it counts as completely written.
    """

    on: tuple[Trigger, ...] = ("score_after_refresh",)
    daily_refresh: Cron = "0 5 * * *"
    weekly_training: Cron = "0 6 * * 0"
    monthly_forecast: Cron = "0 7 2 * *"
    weekly_pruning: Cron = "30 3 * * 6"
    look_every_seconds: Annotated[int, Field(ge=5, le=86_400)] = 60
    quiet_seconds: Annotated[int, Field(ge=0, le=86_400)] = 60
