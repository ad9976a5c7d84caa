"""What an examination says of one thing.

Belongs here: that value. Does not belong here: any examination.
"""

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "error"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        level: `error` stops runs or readers; `warning` will, or explains what a person may wonder about.
        mend: what to do; empty where all is well.
    """

    check: str
    level: Level
    said: str
    mend: str = ""
