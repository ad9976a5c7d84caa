"""Names and values inside generated SQL.

Belongs here: quoting. Everything that comes from a settings file or a source passes through these two functions
before it becomes part of a statement. Does not belong here: any statement.
"""

from collections.abc import Iterable


def name(text: str) -> str:
    """A quoted identifier."""
    return '"' + text.replace('"', '""') + '"'


def literal(value: object) -> str:
    """A quoted text constant; truth values become true/false, null becomes NULL."""
    if value is None:
        return "NULL"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return "'" + text.replace("'", "''") + "'"


def listed(values: Iterable[str]) -> str:
    """Texts as a list of quoted constants."""
    return ", ".join(literal(value) for value in values)
