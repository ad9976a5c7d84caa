"""Of what a company's people are told, and when silence becomes news.

Belongs here: severities, limits and reminders. Does not belong here: where messages go (addresses and secrets are the
environment's), what starts by itself (`companies.automation`).
"""

from typing import Annotated, Literal

from pydantic import Field

from companies.reporting import Frozen

Severity = Literal["failure", "freshness", "warning"]
Hours = Annotated[float, Field(gt=0, le=8760)]


class Alerts(Frozen):
    """What is worth a message.

    Attributes:
        severities: failed runs and their recovery; a snapshot or source that grew old; checks that newly warn.
        reminder_hours: an incident that lasts is told of again after so long.
        digest_hours: checks that newly warn are gathered and told of at most this often.
        snapshot_max_hours: a published snapshot older than this is stale.
        source_max_days: days without news in the data after which the source counts as silent; not asked of a company
            whose data end on a set day (`data_until`).
    """

    severities: tuple[Severity, ...] = ("failure", "freshness", "warning")
    reminder_hours: Hours = 24
    digest_hours: Hours = 24
    snapshot_max_hours: Hours = 36
    source_max_days: Annotated[int, Field(ge=1, le=3650)] = 7
