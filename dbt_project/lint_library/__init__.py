"""What sqlfluff must know of dbt to read our SQL without a warehouse: dispatched macros, by name only.

Belongs here: stand-ins for dbt objects in templates. Does not belong here: anything that runs in a build.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime


class Adapter:
    """Stands for dbt's adapter: a dispatched macro is linted as a call of a function with its name."""

    @staticmethod
    def dispatch(name: str) -> Callable[..., str]:
        """A macro that renders as `name(arguments)`."""
        return lambda *arguments: f"{name}({', '.join(str(argument) for argument in arguments)})"

    @staticmethod
    def get_relation(_database: str, _schema: str, _identifier: str) -> None:
        """No table exists while SQL is only read."""


class Target:
    """Stands for the place that a build writes to."""

    database = "warehouse"


class Modules:
    """Stands for the Python modules that dbt gives to templates."""

    re = re


adapter = Adapter()
modules = Modules()
target = Target()
run_started_at = datetime(2000, 1, 1, tzinfo=UTC)


def env_var(name: str, default: str = "") -> str:
    """The default of an environment variable: linting does not depend on the environment."""
    return default or name


def var(name: str, default: int = 1) -> int:  # noqa: ARG001 - dbt's signature
    """Some number: a limit's value does not change how SQL is read, and a macro may calculate with it."""
    return default
