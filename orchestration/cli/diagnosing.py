"""The command `doctor`: how a company stands, also while a run is under way.

Belongs here: laying the facts out for a terminal. Does not belong here: the facts (`orchestration.standing`).
"""

from typing import TYPE_CHECKING

from orchestration.cli.options import given
from orchestration.cli.output import tell

if TYPE_CHECKING:
    pass


def doctor() -> int:
    """x"""
    return 0
