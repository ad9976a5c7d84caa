"""`eval "$(make env)"`: the environment in which Dagster's own commands (`dg`, `dagster`) find a company's deployment.

Belongs here: printing shell exports. Does not belong here: what they mean (`orchestration.resources`).
"""

import shlex
import sys

from orchestration.resources import dagster_environment, deployment_from_environment


def main() -> int:
    """Print one export per variable, quoted for a POSIX shell."""
    deployment = deployment_from_environment()
    deployment.dagster_folder.mkdir(parents=True, exist_ok=True)
    for name, value in dagster_environment(deployment).items():
        sys.stdout.write(f"export {name}={shlex.quote(value)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
