"""What the registry is asked with and answers: the store, a version, a registration.

Belongs here: these frozen values. Does not belong here: any access to a store (`ml.registry`).
"""

from dataclasses import dataclass, field
from pathlib import Path


class RegistryError(RuntimeError):
    """The registry cannot do what was asked; the message says what is missing and what to do."""


@dataclass(frozen=True)
class Store:
    """Where one company's models are kept.

    Attributes:
        tracking_uri: `sqlite:///<file>` or the URL of a database, which may hold a password.
        artifact_folder: a local folder, or a URI of whatever MLflow can write to.
        experiment: the experiment's name.
        owner: what distinguishes these models in a registry that others use as well; empty where nobody does.
    """

    tracking_uri: str = field(repr=False)
    artifact_folder: Path | str
    experiment: str = "customer_lifecycle"
    owner: str = ""

    @property
    def artifact_location(self) -> str:
        """The artifacts' place as a URI."""
        folder = self.artifact_folder
        return folder.resolve().as_uri() if isinstance(folder, Path) else folder

    def registered(self, model: str) -> str:
        """The model's name in the registry: `<owner>.<model>`."""
        return f"{self.owner}.{model}" if self.owner else model

    def owns(self, registered: str) -> bool:
        """Whether a registered model is one of this store's."""
        return registered.rpartition(".")[0] == self.owner


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
