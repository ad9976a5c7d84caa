"""What can go wrong between a source and the warehouse, for a person to read.

Belongs here: the exceptions that readers and landing raise. Does not belong here: faults of single rows; those are
quarantined, not raised.
"""


class SourceError(RuntimeError):
    """A source cannot be read as the settings say; the message names the file and the mend."""


class LandingError(RuntimeError):
    """A landing was undone as a whole, for example because the disk is full; the message says what to do."""
