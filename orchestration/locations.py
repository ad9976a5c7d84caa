"""The code locations of a deployment of several companies: an attribute per company, made when it is asked for.

`orchestration.locations:olist` is all that Dagster's servers, daemon and run processes need to know to load one
company, and to load nothing of another. Belongs here: only that. A deployment of one company uses
`orchestration.definitions`.
"""

from functools import cache

import dagster as dg

from orchestration.deployment.instance import point_dagster_at
from orchestration.resources import deployment_from_environment
from orchestration.storage import DeploymentError


def __getattr__(name: str) -> dg.Definitions:
    """The definitions of a deployed company.

    Raises:
        CompanyError: its settings are wrong.
    """
    try:
        return _definitions(name)
    except DeploymentError as error:
        # Python asks for attributes of its own, which are no companies.
        raise AttributeError(str(error)) from error


@cache
def _definitions(company: str) -> dg.Definitions:
    deployment = deployment_from_environment(company)
    if not deployment.is_shared:
        msg = f"'{company}' is no code location: LIFECYCLE_COMPANIES names fewer than two companies"
        raise AttributeError(msg)
    # Whoever asks the environment in this process, dbt's children included, is told this company.
    point_dagster_at(deployment)
    # Wrong settings are told before the assembly is imported, which takes seconds.
    _ = deployment.company
    from orchestration.build import build_defs

    return build_defs(deployment)
