"""`make run` and `lifecycle run`: the jobs a person would launch from the UI, one after the other.

Belongs here: their order and months. Does not belong here: launching (`orchestration.launching`), what a job does, the
command line (`orchestration.cli`).
"""

from orchestration.launching import Launcher, launching, months, newest_month, tell_waiting
from orchestration.resources import Deployment
from orchestration.runs.exclusive import Tell


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
