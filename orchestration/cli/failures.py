"""What a fault is called in the shell: its exit code and what is printed of it.

Belongs here: which of our errors, and of the libraries', ends a command with which code. Imported once something has
failed: by then the modules that define the errors are there. Does not belong here: the numbers
(`orchestration.deployment.exit_codes`); whatever is not listed here is a fault of the code and ends with a traceback.
"""

from typing import Final

import click
import duckdb
from sqlalchemy.exc import SQLAlchemyError

from companies.settings import CompanyError
from ml.registrations import RegistryError
from orchestration.cli.refusals import RefusedError
from orchestration.deployment.exit_codes import FAILED, INTERRUPTED, REFUSED, WRONG_SETTINGS
from orchestration.launching import MonthError, RunFailedError
from orchestration.reports.docs import DocsError
from orchestration.runs.exclusive import AnotherRunError
from orchestration.storage import DatabaseUnreachableError
from orchestration.transformations.manifest import ManifestError

CODES: Final[tuple[tuple[type[BaseException], int], ...]] = (
    (AnotherRunError, REFUSED),
    (RefusedError, REFUSED),
    (CompanyError, WRONG_SETTINGS),
    (MonthError, WRONG_SETTINGS),
    (click.UsageError, WRONG_SETTINGS),
    (RunFailedError, FAILED),
    (ManifestError, FAILED),
    (RegistryError, FAILED),
    (DocsError, FAILED),
    (DatabaseUnreachableError, FAILED),
    (OSError, FAILED),
    (SQLAlchemyError, FAILED),
    (duckdb.Error, FAILED),
    (KeyboardInterrupt, INTERRUPTED),
    (click.Abort, INTERRUPTED),
)
STOPPED: Final = "Stopped. Nothing half-done is visible to readers; run again to continue."
NOT_PUBLISHED: Final = "Nothing was published; readers stay on the last good snapshot. Mend the cause and run again."


def exit_code(fault: BaseException) -> int | None:
    """The code of a fault; None for a fault of our code."""
    return next((code for kind, code in CODES if isinstance(fault, kind)), None)


def message(fault: BaseException) -> str:
    """What a person reads of it."""
    if isinstance(fault, (KeyboardInterrupt, click.Abort)):
        return STOPPED
    if isinstance(fault, click.ClickException):
        return fault.format_message()
    if isinstance(fault, (RunFailedError, ManifestError)):
        return f"The run failed. {fault}\n{NOT_PUBLISHED}"
    return str(fault)
