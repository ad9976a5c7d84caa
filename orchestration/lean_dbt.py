"""dbt's command line as a resource, without what costs seconds and gives nothing here.

Belongs here: what differs from dagster-dbt's resource. Does not belong here: which models are built
(`orchestration.assets.warehouse`).
"""

import importlib.metadata
import sys
from pathlib import Path
from typing import Any

from dagster_dbt import DbtCliResource
from packaging.version import Version

from orchestration.resources import DBT_FOLDER


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


def dbt_resource() -> LeanDbt:
    """The dbt of this interpreter's environment, whether or not that environment is activated."""
    return LeanDbt(
        project_dir=str(DBT_FOLDER),
        profiles_dir=str(DBT_FOLDER),
        dbt_executable=str(Path(sys.executable).parent / "dbt"),
    )
