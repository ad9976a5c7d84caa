"""The named scenarios of a company: what would be if churn, win rate or lead flow were other than they are.

Belongs here: the levers a person names, in per cent. Does not belong here: what they do to a forecast
(`ml.models.revenue_scenario`).
"""

from typing import Annotated

from pydantic import Field

from companies.reporting import Frozen

Percent = Annotated[float, Field(ge=-100, le=1000)]


class Scenario(Frozen):
    """Relative changes in per cent: 10 is a tenth more, -100 is none left.

    Attributes:
        churn: of the monthly rate at which revenue leaves.
        win: of the win rate of open and future deals.
        leads: of the leads still to come (more or less spend, more or fewer sales people).
    """

    churn: Percent = 0
    win: Percent = 0
    leads: Percent = 0


DEFAULTS = {
    "more_churn": Scenario(churn=10),
    "fewer_wins": Scenario(win=-5),
    "more_leads": Scenario(leads=20),
    "headwind": Scenario(churn=10, win=-5, leads=-20),
}
