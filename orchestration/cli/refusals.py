"""The error of a command that is not done because a rule forbids it now.

Belongs here: that error, in a module that costs nothing to import. Does not belong here: the rules.
"""


class RefusedError(RuntimeError):
    """Nothing is broken and nothing was changed; the message says what stands against it and what to do."""
