"""What a person decides about a company's reports: plausibility limits, targets, forecast categories, health, upkeep.

Belongs here: settings that shape marts and findings but no model. Does not belong here: business windows and
thresholds of stages (`companies.settings`), anything learned from data.
"""

import re
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

ForecastCategory = Literal["commit", "best_case", "pipeline", "omitted"]
Share = Annotated[float, Field(ge=0, le=1)]
MONTH = re.compile(r"^\d{4}-(0[1-9]|1[0-2])$")


class Frozen(BaseModel):
    """Base of all settings: immutable, and a key that is not known is an error, not a silent default."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Quality(Frozen):
    """Limits beyond which data are reported as findings.

    Attributes:
        implausible_money_factor: times the column's median.
        stale_source_factor: times the usual gap between two days with rows.
        stale_source_min_days: silence up to this is never a finding.
        incomplete_profile_min_missing: of five facts about a lead.
    """

    implausible_money_factor: Annotated[float, Field(gt=1)] = 1000
    stale_source_factor: Annotated[float, Field(gt=1)] = 3
    stale_source_min_days: Annotated[int, Field(ge=1, le=365)] = 7
    incomplete_profile_min_missing: Annotated[int, Field(ge=1, le=5)] = 3


class Pipeline(Frozen):
    """How open deals are reported.

    Attributes:
        targets: month ("2025-03") to the amount of deals to be won in it, in the company's currency.
        stage_categories: deal stage (lower case) to forecast category; decides before the probability does.
        commit_min_probability, best_case_min_probability: lower bounds of the categories of other stages.
    """

    targets: dict[str, Annotated[float, Field(ge=0)]] = {}
    stage_categories: dict[str, ForecastCategory] = {}
    commit_min_probability: Share = 0.8
    best_case_min_probability: Share = 0.5

    @field_validator("targets")
    @classmethod
    def _are_months(cls, value: dict[str, float]) -> dict[str, float]:
        if wrong := [month for month in value if not MONTH.match(month)]:
            msg = f"{wrong[0]!r} is not a month such as '2025-03'"
            raise ValueError(msg)
        return value

    @model_validator(mode="after")
    def _are_ordered(self) -> Self:
        if self.best_case_min_probability > self.commit_min_probability:
            msg = "best_case_min_probability must not be above commit_min_probability"
            raise ValueError(msg)
        return self


class Health(Frozen):
    """Weights of the parts of the health score; parts a source does not have are left out and the rest rescaled.

    Attributes:
        usage: level and trend of use.
        breadth: how much of the product is used.
        support: load, escalations and delays of support.
        sentiment: answers to surveys.
        commercial: payment and renewal.
    """

    usage: Share = 0.3
    breadth: Share = 0.15
    support: Share = 0.2
    sentiment: Share = 0.2
    commercial: Share = 0.15

    @model_validator(mode="after")
    def _weigh_something(self) -> Self:
        if not any(self.model_dump().values()):
            msg = "at least one weight must be above zero"
            raise ValueError(msg)
        return self


class Monitoring(Frozen):
    """When a deployed model is advised to be trained again.

    Attributes:
        new_outcomes_share: rows whose outcome became known since, in relation to those it learned from.
        max_age_days: days since the newest row it learned from.
    """

    new_outcomes_share: Annotated[float, Field(gt=0)] = 0.25
    max_age_days: Annotated[int, Field(ge=1, le=3650)] = 365
