"""`make docs`: the dbt project's documentation as one page that opens without a server, and where the Data Docs are.

Belongs here: running dbt's generator on the company's warehouse and saying where the result lies. Does not belong here:
what the pages say (descriptions stand beside the models, Data Docs are written by each run's expectations).
"""

import os
import sys
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from companies.settings import CompanyError
from orchestration.deployment.exit_codes import FAILED, REFUSED
from orchestration.resources import Deployment, deployment_from_environment
from orchestration.runs.exclusive import AnotherRunError, only_run
from orchestration.transformations.dbt_command import DbtError, run_dbt


class DocsError(RuntimeError):
    """dbt could not make its documentation; the message is dbt's."""


def main() -> int:
    """Make the pages of one company's warehouse and print where they are; returns the exit code."""
    console = Console(soft_wrap=True)
    deployment = deployment_from_environment()
    try:
        page = generate(deployment)
    except (CompanyError, AnotherRunError, DocsError) as error:
        console.print(escape(str(error)), style="red", highlight=False)
        return REFUSED if isinstance(error, AnotherRunError) else FAILED
    console.print(f"dbt docs   {page}", highlight=False)
    index = deployment.data_docs / "index.html"
    console.print(f"Data Docs  {index if index.exists() else 'none yet: make run writes them'}", highlight=False)
    return 0


def generate(deployment: Deployment) -> Path:
    """Write dbt's documentation as a single page; returns it.

    Raises:
        DocsError: there is no warehouse yet, or dbt refuses.
        AnotherRunError: a run of this company is under way and holds the warehouse.
    """
    if not deployment.warehouse_path.exists():
        msg = f"no warehouse {deployment.warehouse_path}: the documentation shows its tables. Run it first (make run)."
        raise DocsError(msg)
    scratch = deployment.state / "dbt" / "docs"
    page = deployment.dbt_docs
    page.parent.mkdir(parents=True, exist_ok=True)
    with only_run(deployment.state, "make docs"):
        try:
            run_dbt("docs", "generate", "--static", warehouse=deployment.warehouse_path, target=scratch)
        except DbtError as error:
            msg = f"dbt cannot document its project:\n{error}"
            raise DocsError(msg) from error
        os.replace(scratch / "static_index.html", page)  # noqa: PTH105 - a reader never sees half a page
    return page


if __name__ == "__main__":
    sys.exit(main())
