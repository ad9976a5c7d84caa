"""Every examination, one after the other; none keeps the next from being made.

Belongs here: their order, and what depends on what. Does not belong here: any of them.
"""

from collections.abc import Callable, Iterator
from functools import partial

from orchestration.diagnosis import company, installation, stores
from orchestration.diagnosis.finding import Finding
from orchestration.resources import Deployment

Examination = Callable[[], Finding | Iterator[Finding]]


def examine(deployment: Deployment) -> Iterator[Finding]:
    """All findings; what needs the company's settings, or a database, is left out where those are wrong."""
    settings = company.settings(deployment)
    always: list[Examination] = [
        installation.python_version,
        installation.packages,
        installation.dbt_program,
        installation.dbt_manifest,
        partial(installation.memory, deployment),
        installation.clock,
        installation.ports,
        partial(company.state_folder, deployment),
    ]
    of_company: list[Examination] = [
        partial(installation.time_zones, deployment),
        partial(company.source, deployment),
        partial(company.warehouse, deployment),
        partial(company.orphaned_dbt, deployment),
        partial(company.published, deployment),
    ]
    of_stores: list[Examination] = [
        partial(stores.run_records, deployment),
        partial(stores.registry_schema, deployment),
        partial(stores.champions, deployment),
    ]
    databases = list(_made(partial(stores.databases, deployment)))
    yield settings
    for examination in [*always, *(of_company if settings.level == "ok" else [])]:
        yield from _made(examination)
    yield from databases
    # Dagster and MLflow try for minutes to reach a server that does not answer.
    if settings.level == "ok" and all(finding.level == "ok" for finding in databases):
        for examination in of_stores:
            yield from _made(examination)


def _made(examination: Examination) -> Iterator[Finding]:
    """The findings of one examination; one that breaks off is an error that says on what."""
    name = getattr(examination, "func", examination).__name__.replace("_", " ")
    try:
        found = examination()
        yield from [found] if isinstance(found, Finding) else found
    except Exception as error:
        said = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        yield Finding(name, "error", said, "mend what the message names, then run doctor again")
