"""dbt's command line for what is not an asset: building a copy of a warehouse, documenting one.

Belongs here: which dbt is run, and with what. Does not belong here: the warehouse's own builds, which Dagster runs
(`orchestration.assets.warehouse`).
"""

import sys
from pathlib import Path

from orchestration.resources import DBT_FOLDER
from orchestration.transformations.dbt_calls import DbtError, call
from orchestration.transformations.lean_dbt import DBT_PROCESS, LEAN_FLAGS, PARSED, dbt_executable
from orchestration.transformations.manifest import fresh_manifest

__all__ = ["DbtError", "run_dbt"]

# These run the project as it was parsed for the graph; the others (docs) write what a parse of their own gives.
ON_THE_PARSED_PROJECT = ("build", "run", "test")


def run_dbt(*arguments: str, warehouse: Path, target: Path) -> None:
    """Run dbt with `arguments` on a warehouse file, with its artifacts and logs in `target`.

    Raises:
        DbtError: with dbt's own output.
        ManifestError: dbt refuses the project.
    """
    # A parsed project names the database, which is called as the file is.
    is_parsed = arguments[0] in ON_THE_PARSED_PROJECT and warehouse.stem == "warehouse"
    if is_parsed:
        parsed = str(fresh_manifest().with_name(PARSED))
        command = [sys.executable, *DBT_PROCESS, parsed, "text", *LEAN_FLAGS]
    else:
        command = [dbt_executable()]
    call([*command, "--quiet", "--no-use-colors", *arguments], warehouse=warehouse, target=target, folder=DBT_FOLDER)
