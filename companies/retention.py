"""How long a company keeps the records of its own upkeep: the section `[retention]`.

Belongs here: ages and counts. Does not belong here: what is never removed however old it is (what is served, what a
roll-back needs, the newest result of every asset and check; `orchestration.retention`, `ml.registry_retention`), and
facts, which are kept for ever (raw versions, the prediction ledger, the memory of findings).
"""

from typing import Annotated

from pydantic import Field

from companies.reporting import Frozen

Days = Annotated[int, Field(ge=1, le=3650)]


class Retention(Frozen):
    """Ages in days after which records go.

    Attributes:
        run_days: Dagster's runs with their events and logs. A year back and two months, so that a run can be compared
            with the same month a year before.
        log_days: what steps wrote to their outputs, which is read when a run failed; megabytes a run.
        model_days: registered versions that are not served, nor would be after a roll-back, with their trainings and
            training sets. Long enough to explain a statement to a customer: a year and the horizon of a forecast.
        training_days: trainings that registered nothing.
    """

    run_days: Days = 425
    log_days: Days = 30
    model_days: Days = 730
    training_days: Days = 90
