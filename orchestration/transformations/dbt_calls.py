"""A dbt command in a process of its own: its environment, its success, its words when it fails.

Belongs here: starting the process and telling its failure. Does not belong here: which command is run
(`orchestration.transformations.dbt_command`, `orchestration.transformations.manifest`).
"""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from orchestration.environment import environment


class DbtError(RuntimeError):
    """dbt ended without success; the message is dbt's."""


def call(command: Sequence[str], *, warehouse: Path, target: Path, folder: Path) -> None:
    """Run a dbt command of the project in `folder` on a warehouse file, with its artifacts and logs in `target`.

    Raises:
        DbtError: with dbt's own output.
    """
    places = ["--project-dir", str(folder), "--profiles-dir", str(folder), "--target-path", str(target)]
    with environment(LIFECYCLE_WAREHOUSE=str(warehouse), DO_NOT_TRACK="1"):
        result = subprocess.run(  # noqa: S603 - our own arguments
            [*command, *places, "--log-path", str(target)], capture_output=True, text=True, check=False
        )
    if result.returncode != 0:
        msg = f"{result.stdout}{result.stderr}"
        raise DbtError(msg)
