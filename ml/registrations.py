"""What the registry is asked with and answers: the store, a version, a registration.

Belongs here: these frozen values. Does not belong here: any access to a store (`ml.registry`).
"""

from dataclasses import dataclass
from pathlib import Path


class RegistryError(RuntimeError):
    """The registry cannot do what was asked; the message says what is missing and what to do."""


@dataclass(frozen=True)
class Store:
    """Where one company's models are kept: `sqlite:///<file>`, the folder of artifacts, the experiment's name."""

    tracking_uri: str
    artifact_folder: Path
    experiment: str = "customer_lifecycle"


@dataclass(frozen=True)
class VersionInfo:
    """One registered version.

    Attributes:
        status: `validated`, `failed_gates`, or `fallback` for a shrunken baseline.
        previous_champion: the version that was champion before this one; None for the first.
    """

    name: str
    version: str
    run_id: str
    status: str
    previous_champion: str | None
    tags: dict[str, str]


@dataclass(frozen=True)
class Registration:
    """What `log_training` did.

    Attributes:
        candidate, champion: the candidate's version and whichever version is champion now; None where there is none.
        is_new: False when the same training was already on record and nothing was written.
        experiment_id: of the company's experiment, which an address in MLflow's UI names.
    """

    run_id: str
    candidate: VersionInfo | None
    champion: VersionInfo | None
    is_new: bool
    experiment_id: str = ""
