"""How a command of ours tells the shell what became of it.

Belongs here: the numbers. Does not belong here: which fault means which (`orchestration.cli.failures`).
"""

from typing import Final

OK: Final = 0
# A step failed, a blocking check does not hold, or something needed is not there; the message says what.
FAILED: Final = 1
# The command line, the company or its settings are wrong; nothing was started.
WRONG_SETTINGS: Final = 2
# Nothing is broken, but a rule forbids it now: another run is under way, a gate was missed, nobody confirmed.
REFUSED: Final = 3
# Ctrl-C or SIGTERM.
INTERRUPTED: Final = 130
