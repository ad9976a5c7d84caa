"""`make run` and `lifecycle run`: the jobs a person would launch from the UI, one after the other.

Belongs here: their order and months. Does not belong here: launching (`orchestration.launching`), what a job does, the
command line (`orchestration.cli`).
"""

import sys
from collections.abc import Sequence

from orchestration.exclusive import Tell
from orchestration.launching import Launcher, launching, months, newest_month, tell_waiting
from orchestration.resources import Deployment


def run(deployment: Deployment, *, is_quiet: bool = False, wait: Tell | None = tell_waiting) -> Launcher:
    """Rebuild everything for the whole history, then score the newest month and publish; returns what was run.

    Args:
        wait: told once which run of this company is waited for; without it nothing is waited for.

    Raises:
        RunFailedError: a step failed or a blocking check does not hold.
        AnotherRunError: another run of this company is under way, and `wait` is not given.
        ManifestError: dbt refuses its project.
        KeyboardInterrupt: a person or the system stopped the run; Dagster has it on record as canceled.
    """
    with launching(deployment, is_quiet=is_quiet, wait=wait) as launcher:
        known = months(deployment)
        launcher.execute("rebuild", known[0], known[-1])
        launcher.execute("score_and_publish", newest_month(deployment))
    return launcher


def main(arguments: Sequence[str] | None = None) -> int:
    """The command `run` of the command line; returns the exit code."""
    from orchestration.cli.app import main as lifecycle

    return lifecycle(["run", *(sys.argv[1:] if arguments is None else arguments)])


if __name__ == "__main__":
    from orchestration.cli.app import leave

    leave(main())
