"""The settings of one company, read from `companies/<name>.toml` and frozen.

Belongs here: everything a person decides about a company (business model, windows, thresholds, evaluation
period) and how a file of settings is found, read and refused. The source mapping (`companies.mapping`) and what
shapes reports only (`companies.reporting`) have modules of their own. Does not belong here: environment variables,
paths of a machine, anything learned from data.
"""

import tomllib
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, ValidationError, field_validator, model_validator

from companies.alerting import Alerts
from companies.automation import Automation
from companies.mapping import Source
from companies.reporting import Frozen, Health, Monitoring, Pipeline, Quality
from companies.retention import Retention
from companies.scenarios import DEFAULTS, Scenario

FOLDER = Path(__file__).parent

BusinessModel = Literal["contractual", "transactional"]
PositiveDays = Annotated[int, Field(gt=0, le=3650)]
Probability = Annotated[float, Field(gt=0, lt=1)]


class CompanyError(ValueError):
    """A company is unknown or its settings are wrong; the message names the file, the key and the mend."""


class Windows(Frozen):
    """When a customer counts as gone.

    Attributes:
        grace_days: contractual; days after the last subscription's end in which a new one cancels the churn.
        inactivity_days: transactional; days without a purchase after which a customer has churned.
        open_lead_days: a lead that has not converted is scored for this many days after its creation.
    """

    grace_days: Annotated[int, Field(ge=0, le=365)] = 30
    inactivity_days: PositiveDays = 90
    open_lead_days: PositiveDays = 180


class Horizons(Frozen):
    """How far each model looks ahead."""

    churn_days: PositiveDays = 90
    lead_days: PositiveDays = 90
    win_days: PositiveDays = 90
    clv_months: Annotated[int, Field(ge=1, le=120)] = 36
    revenue_months: Annotated[int, Field(ge=3, le=36)] = 12


class Thresholds(Frozen):
    """Where a figure becomes a level, and a rule score a stage.

    Attributes:
        risk_critical, risk_high, risk_medium: lower bounds of the churn-risk levels (below: Low).
        mql_max_score: the highest rule score at which a lead is still an MQL (the scale is 0 to 200).
        sql_min_score: the lowest rule score at which a lead is an SQL.
        stale_mql_days, stale_sql_days: age at which an MQL or SQL without progress becomes a finding.
    """

    risk_critical: Probability = 0.7
    risk_high: Probability = 0.5
    risk_medium: Probability = 0.3
    mql_max_score: int = 109
    sql_min_score: int = 110
    stale_mql_days: PositiveDays = 180
    stale_sql_days: PositiveDays = 90

    @model_validator(mode="after")
    def _are_ordered(self) -> Self:
        if not self.risk_medium < self.risk_high < self.risk_critical:
            msg = "risk_medium < risk_high < risk_critical must hold"
            raise ValueError(msg)
        if self.sql_min_score <= self.mql_max_score:
            msg = "sql_min_score must be above mql_max_score"
            raise ValueError(msg)
        return self


class Evaluation(Frozen):
    """Which history may be used to train and judge models.

    Attributes:
        leads_from: leads created before this day are left out (for example because their deals were not recorded).
        customers_from: as_of dates before this day are left out of the customer models.
        lead_ages_days: a lead is scored, and trained on, at these ages (days after its creation) while it is open.
    """

    leads_from: date | None = None
    customers_from: date | None = None
    lead_ages_days: tuple[Annotated[int, Field(ge=0, le=365)], ...] = (0, 7, 30)


class Search(Frozen):
    """Budget of the search for a model's capacity; without this section none is made.

    Attributes:
        trials: most capacities tried per training; the same trials on the same rows give the same model.
        seconds: no trial starts after that; what it cuts off depends on the machine.
    """

    trials: Annotated[int, Field(ge=1, le=500)] = 30
    seconds: Annotated[float, Field(gt=0, le=3600)] = 60


class Economics(Frozen):
    """Money facts that no raw table holds.

    Attributes:
        contact_cost: what one attempt to keep a customer costs, in the company's currency.
        saved_share: share of the customers about to leave whom such an attempt keeps for a year; an assumption until
            an experiment measures it.
    """

    gross_margin_ratio: Annotated[float, Field(gt=0, le=1)] = 0.8
    discount_rate_annual: Annotated[float, Field(ge=0, lt=1)] = 0.1
    contact_cost: Annotated[float, Field(gt=0)] = 50.0
    saved_share: Annotated[float, Field(gt=0, le=1)] = 0.1


class RuleScore(Frozen):
    """Points of the rule score (scale 0 to 200); a lead gets the points of every entry that matches it.

    Attributes:
        seniority, company_size, lead_source, touchpoint_kind: value of the column (lower case) to points;
            touchpoint points count once per kind.
        sales_qualified_kinds: touchpoint kinds that make a lead an SQL at once, whatever its score.
    """

    seniority: dict[str, int] = Field(default_factory=dict)
    company_size: dict[str, int] = Field(default_factory=dict)
    lead_source: dict[str, int] = Field(default_factory=dict)
    touchpoint_kind: dict[str, int] = Field(default_factory=dict)
    sales_qualified_kinds: tuple[str, ...] = ("consultation_booked",)


class Company(Frozen):
    """Everything the pipeline knows about a company before it sees a row of its data.

    Attributes:
        name: the TOML file's name; names the company's folder of state as well.
        history_starts_on: first day of the first monthly partition.
        data_until: last day the source covers; without it, the newest event in the data.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,40}$")]
    title: str
    business_model: BusinessModel
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    time_zone: str = "UTC"
    history_starts_on: date
    data_until: date | None = None
    promotion: Literal["automatic", "review"] = "automatic"
    windows: Windows = Windows()
    horizons: Horizons = Horizons()
    thresholds: Thresholds = Thresholds()
    evaluation: Evaluation = Evaluation()
    search: Search | None = None
    economics: Economics = Economics()
    rule_score: RuleScore = RuleScore()
    quality: Quality = Quality()
    pipeline: Pipeline = Pipeline()
    health: Health = Health()
    monitoring: Monitoring = Monitoring()
    automation: Automation = Automation()
    retention: Retention = Retention()
    alerts: Alerts = Alerts()
    scenarios: dict[str, Scenario] = DEFAULTS
    source: Source

    @field_validator("time_zone")
    @classmethod
    def _is_known(cls, value: str) -> str:
        if value not in available_timezones():
            msg = f"'{value}' is not an IANA time zone such as 'Europe/Berlin'"
            raise ValueError(msg)
        return value

    @model_validator(mode="after")
    def _covers_some_time(self) -> Self:
        if self.data_until is not None and self.data_until <= self.history_starts_on:
            msg = "data_until must be after history_starts_on"
            raise ValueError(msg)
        return self

    @property
    def zone(self) -> ZoneInfo:
        """The time zone whose midnight ends a business day."""
        return ZoneInfo(self.time_zone)


def available(folder: Path = FOLDER) -> list[str]:
    """Names of the companies that have a settings file, sorted."""
    return sorted(path.stem for path in folder.glob("*.toml"))


def load(name: str, folder: Path = FOLDER) -> Company:
    """Read and validate the settings of one company.

    Raises:
        CompanyError: no such file, not TOML, an unknown key or a wrong value; every fault of the file is listed.
    """
    path = folder / f"{name}.toml"
    if not path.is_file():
        known = available(folder)
        near = "".join(f" Did you mean '{one}'?" for one in get_close_matches(name, known, n=1))
        msg = f"no settings for company '{name}': {path} does not exist.{near} Known: {', '.join(known)}."
        raise CompanyError(msg)
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"{path.name} is not valid TOML: {error}. Mend the line named and run again."
        raise CompanyError(msg) from error
    try:
        return Company.model_validate({"name": name, **raw})
    except ValidationError as error:
        raise CompanyError(_explain(path, error)) from error


def _explain(path: Path, error: ValidationError) -> str:
    """One line per fault, with the key as it is written in the file."""
    faults = []
    for fault in error.errors(include_url=False):
        key = ".".join(str(part) for part in fault["loc"]) or "(file)"
        if fault["type"] == "extra_forbidden":
            faults.append(f"  {key}: unknown key; check the spelling or remove it")
        else:
            faults.append(f"  {key}: {fault['msg']} (got {fault['input']!r:.120})")
    return f"{path.name} has {len(faults)} fault(s):\n" + "\n".join(faults)
