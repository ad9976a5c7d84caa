"""`make docs`: the dbt project's documentation as one page that opens without a server, and where the Data Docs are.

Belongs here: running dbt's generator on the company's warehouse and saying where the result lies. Does not belong here:
what the pages say (descriptions stand beside the models, Data Docs are written by each run's expectations).
"""

import shutil
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from companies.settings import CompanyError
from orchestration.exclusive import AnotherRunError, only_run
from orchestration.resources import DBT_FOLDER, Deployment, deployment_from_environment, environment


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
        return 1
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
    with only_run(deployment.state), environment(LIFECYCLE_WAREHOUSE=str(deployment.warehouse_path), DO_NOT_TRACK="1"):
        _dbt("docs", "generate", "--static", "--target-path", str(scratch), "--log-path", str(scratch))
    page = deployment.dbt_docs
    page.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(scratch / "static_index.html", page)
    return page


def _dbt(*arguments: str) -> None:
    command = [str(Path(sys.executable).parent / "dbt"), "--quiet", "--no-use-colors", *arguments]
    folders = ["--project-dir", str(DBT_FOLDER), "--profiles-dir", str(DBT_FOLDER)]
    result = subprocess.run([*command, *folders], capture_output=True, text=True, check=False)  # noqa: S603
    if result.returncode != 0:
        msg = f"dbt cannot document its project:\n{result.stdout}{result.stderr}"
        raise DocsError(msg)


if __name__ == "__main__":
    sys.exit(main())
