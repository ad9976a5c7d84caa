"""dbt's command line for what is not an asset: parsing, building a copy of a warehouse.

Belongs here: running dbt in a process of its own and telling its failure in its own words. Does not belong here: the
warehouse's own builds, which Dagster runs (`orchestration.assets.warehouse`).
"""

import subprocess
import sys
from pathlib import Path

from orchestration.resources import DBT_FOLDER, environment


class DbtError(RuntimeError):
    """dbt ended without success; the message is dbt's."""


def run_dbt(*arguments: str, warehouse: Path, target: Path, folder: Path = DBT_FOLDER) -> None:
    """Run dbt with `arguments` on a warehouse file, with its artifacts and logs in `target`.

    Raises:
        DbtError: with dbt's own output.
    """
    command = [str(Path(sys.executable).parent / "dbt"), "--quiet", "--no-use-colors", *arguments]
    places = ["--project-dir", str(folder), "--profiles-dir", str(folder), "--target-path", str(target)]
    with environment(LIFECYCLE_WAREHOUSE=str(warehouse), DO_NOT_TRACK="1"):
        result = subprocess.run(  # noqa: S603 - our own arguments
            [*command, *places, "--log-path", str(target)], capture_output=True, text=True, check=False
        )
    if result.returncode != 0:
        msg = f"{result.stdout}{result.stderr}"
        raise DbtError(msg)
