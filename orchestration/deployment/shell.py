"""The environment in which Dagster's and MLflow's own commands find a deployment: printed, or a command in it.

`eval "$(make env)"` sets it in a shell; `python -m orchestration.deployment.shell dagster-daemon run` starts a command
in it, as a supervisor wants it: one process, which gets its signals. Belongs here: only that. What the variables mean
is `orchestration.resources`.
"""

import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from companies.settings import CompanyError
from orchestration.deployment import instance
from orchestration.deployment.exit_codes import WRONG_SETTINGS
from orchestration.deployment.instance import point_dagster_at
from orchestration.environment import prepare_for_commands
from orchestration.resources import (
    ROOT,
    Deployment,
    dagster_environment,
    deployment_from_environment,
    secret_environment,
)

NOT_FOUND = 127


def main(arguments: Sequence[str] | None = None) -> int:
    """Print one export per variable, quoted for a POSIX shell; with arguments become that command instead."""
    command = list(sys.argv[1:] if arguments is None else arguments)
    try:
        deployment = deployment_from_environment()
    except CompanyError as error:
        sys.stderr.write(f"{error}\n")
        return WRONG_SETTINGS
    if command:
        return _become(deployment, command)
    instance.prepare(deployment)
    sys.stdout.writelines(f"{line}\n" for line in exports(deployment))
    return 0


def exports(deployment: Deployment) -> list[str]:
    """One line per variable; a database's URL is fetched by the shell that evaluates the line, and not shown.

    The shell stops there if it does not find the URL again, which was set for our command alone.
    """
    shown = [f"export {name}={shlex.quote(value)}" for name, value in dagster_environment(deployment).items()]
    fetch = f"cd {shlex.quote(str(ROOT))} && {shlex.quote(sys.executable)} -m orchestration.deployment.shell printenv"
    secrets = (
        f'export {name}="$({fetch} {name})"; : "${{{name}:?export it, or write it into .env}}"'
        for name, value in secret_environment(deployment).items()
        if value
    )
    return [*shown, *secrets]


def _become(deployment: Deployment, command: Sequence[str]) -> int:
    """Replace this process by the command; ours are found whether or not the environment is activated.

    It works in the folder of Dagster's records: there lies the list of code locations, and there is no `.env`, which
    Dagster would read over the environment.
    """
    point_dagster_at(deployment)
    deployment.state.mkdir(parents=True, exist_ok=True)
    os.chdir(deployment.dagster_folder)
    ours = Path(sys.executable).parent
    prepare_for_commands(deployment, ours)
    found = shutil.which(command[0])
    if found is not None:
        os.execv(found, [found, *command[1:]])  # noqa: S606 - the person's own command
    sys.stderr.write(f"{command[0]} is not there: neither in {ours} nor on the PATH.\n")
    return NOT_FOUND


if __name__ == "__main__":
    sys.exit(main())
