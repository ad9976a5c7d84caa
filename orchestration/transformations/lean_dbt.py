"""dbt's command line as a resource, without what costs seconds and gives nothing here.

Belongs here: what differs from dagster-dbt's resource, and how dbt is started. Does not belong here: which models are
built (`orchestration.assets.warehouse`).
"""

import importlib.metadata
import sys
from pathlib import Path
from typing import Any

from dagster_dbt import DbtCliResource
from packaging.version import Version

from orchestration.resources import DBT_FOLDER

# What dbt keeps of a parse beside the manifest, and the command that runs dbt on it.
PARSED = "partial_parse.msgpack"
DBT_PROCESS = ("-P", str(Path(__file__).with_name("dbt_process.py")))
# Relations are looked up when they are needed, nobody reads the artifacts, and failures are told as events.
LEAN_FLAGS = ("--no-populate-cache", "--no-write-json", "--log-level-file", "none")


class LeanDbt(DbtCliResource):
    """dbt's command line without two expensive courtesies of `DbtCliResource`.

    The parent asks `dbt --version` in a process of its own (3.5 CPU seconds and a call to the package index) and
    builds a dbt adapter inside this process (3 to 4 seconds, and a connection that can hold the warehouse's lock).
    We read the version from the installed package and build no adapter; row counts are read by us after dbt ended.
    """

    @property
    def _cli_version(self) -> Version:
        return Version(importlib.metadata.version("dbt-core"))

    def _initialize_dbt_core_adapter(self, args: Any) -> Any:  # noqa: ANN401, ARG002 - the parent's signature
        return None


def dbt_executable() -> str:
    """The dbt of this interpreter's environment, whether or not that environment is activated."""
    return str(Path(sys.executable).parent / "dbt")


def dbt_resource(folder: Path = DBT_FOLDER) -> LeanDbt:
    """The dbt that runs on the project as parsed in `folder`, telling its events to Dagster and nothing to files."""
    return LeanDbt(
        project_dir=str(folder),
        profiles_dir=str(folder),
        dbt_executable=sys.executable,
        global_config_flags=[*DBT_PROCESS, str(folder / "target" / PARSED), "json", *LEAN_FLAGS],
    )
