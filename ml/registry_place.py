"""A registry whose folder was moved or copied: its records name files by full paths, which are put right.

Without it a copied state (a restored backup, a trial) would read, write and prune the files of the original. Belongs
here: noticing that and renaming. Does not belong here: where a company's files lie (`ml.registrations`).
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit
from urllib.request import url2pathname

from sqlalchemy import text

from ml.registrations import Store

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

LOCAL: Final = ("", "file")
# Where MLflow's schema keeps places of files; below the experiment's own.
PLACES: Final = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
)


@cache
def follow(store: Store) -> None:
    """Let the records of a store that lies elsewhere than they say name where it lies; once in a process.

    Nothing is renamed where the models' files did not come along: then only new places were chosen for new files.
    """
    from mlflow import MlflowClient

    with MlflowClient(store.tracking_uri)._tracking_client.store.engine.begin() as connection:  # noqa: SLF001
        query = text("select artifact_location from experiments where name = :name")
        recorded = connection.execute(query, {"name": store.experiment}).scalar()
        if recorded in (None, store.artifact_location) or not _came_along(connection, str(recorded), store):
            return
        for table, column in PLACES:
            connection.execute(
                text(
                    f"update {table} set {column} = :new || substr({column}, :length + 1) "  # noqa: S608 - MLflow's names
                    f"where {column} = :old or substr({column}, 1, :length + 1) = :old || '/'"
                ),
                {"old": recorded, "new": store.artifact_location, "length": len(str(recorded))},
            )


def _came_along(connection: "Connection", recorded: str, store: Store) -> bool:
    """Whether both places are folders of this machine, and the newest model's files lie in the new one."""
    if any(urlsplit(place).scheme not in LOCAL for place in (recorded, store.artifact_location)):
        return False
    query = text(
        "select storage_location from model_versions where storage_location like :below order by creation_time"
    )
    models: Sequence[str] = connection.execute(query, {"below": f"{recorded}/%"}).scalars().all()
    folder = Path(url2pathname(urlsplit(store.artifact_location).path))
    return folder.is_dir() and all((folder / model.removeprefix(f"{recorded}/")).exists() for model in models[-1:])
