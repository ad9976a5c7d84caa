"""Settings of the simulated company, as written under `[source.simulator]` of its TOML file.

Belongs here: what a person may choose (size, period, seed, messiness). Does not belong here: the effects that make
the truth (`parameters`).
"""

import hashlib
from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

VERSION = 1  # raise with every change of what is drawn, so that existing source folders are written anew


class SimulatorSettings(BaseModel):
    """Size, period and mess of the simulated company.

    Attributes:
        accounts: companies with an account record, customers or not (faulty duplicates not counted).
        months: full calendar months simulated, from `starts_on`.
        messiness: share of rows that each kind of CRM fault strikes; 0 gives a clean source.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: Annotated[int, Field(ge=0)] = 20230101
    accounts: Annotated[int, Field(ge=1, le=10_000_000)] = 1200
    months: Annotated[int, Field(ge=6, le=120)] = 36
    starts_on: date = date(2023, 1, 1)
    messiness: Annotated[float, Field(ge=0, le=0.2)] = 0.02

    @field_validator("starts_on")
    @classmethod
    def _opens_a_month(cls, value: date) -> date:
        if value.day != 1:
            msg = "must be the first day of a month"
            raise ValueError(msg)
        return value

    @property
    def fingerprint(self) -> str:
        """Hash of the settings and the generator's version: equal fingerprints mean equal files."""
        return hashlib.sha256(f"{VERSION}|{self.model_dump_json()}".encode()).hexdigest()
