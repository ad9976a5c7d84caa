"""The contract's row checks as SQL, compiled from the Pandera models so that there is one truth.

Belongs here: one translation per Pandera check that the contract uses, with the words of the reason. A check
without a translation is an error when the statement is built, never a silent pass. Does not belong here: casting
(`ingestion.values_sql`), and checks that look at more than one row (`ingestion.versions`).
"""

from collections.abc import Callable, Mapping
from typing import Any

from ingestion.contract_fields import RawTable
from ingestion.sql_text import listed, literal

Statistics = Mapping[str, Any]
Fault = tuple[str, str]
"""Condition under which a value is at fault, and the words that follow the value in the reason."""


def _length(value: str, limits: Statistics) -> Fault:
    least, most = limits.get("min_value") or 0, limits.get("max_value")
    return f"length({value}) not between {least} and {most}", f"does not have {least} to {most} characters"


def _one_of(value: str, limits: Statistics) -> Fault:
    allowed = list(limits["allowed_values"])
    return f"{value} not in ({listed(allowed)})", f"is not one of {', '.join(allowed)}"


def _pattern(value: str, limits: Statistics) -> Fault:
    pattern = getattr(limits["pattern"], "pattern", limits["pattern"])
    return f"not regexp_matches({value}, {literal(f'^(?:{pattern})')})", f"does not match {pattern}"


def _bound(operator: str, words: str, limit: str) -> Callable[[str, Statistics], Fault]:
    def translate(value: str, limits: Statistics) -> Fault:
        return f"{value} {operator} {_constant(limits[limit])}", f"is {words} {_plain(limits[limit])}"

    return translate


def _constant(limit: object) -> str:
    return str(limit) if isinstance(limit, int | float) else f"timestamp {literal(limit)}"


def _plain(limit: object) -> str:
    return str(limit).removesuffix(" 00:00:00")


TRANSLATIONS: dict[str, Callable[[str, Statistics], Fault]] = {
    "str_length": _length,
    "isin": _one_of,
    "str_matches": _pattern,
    "greater_than_or_equal_to": _bound("<", "less than", "min_value"),
    "less_than_or_equal_to": _bound(">", "more than", "max_value"),
}


def value_faults(table: RawTable, column: str, value: str) -> list[Fault]:
    """The checks of one column on the SQL expression `value`; none of them is met by a null.

    Raises:
        NotImplementedError: the contract uses a check that has no translation.
    """
    faults = []
    for check in table.schema.to_schema().columns[column].checks:
        translate = TRANSLATIONS.get(check.name or "")
        if translate is None:
            msg = f"{table.name}.{column}: check '{check.name}' has no SQL translation; add one to TRANSLATIONS"
            raise NotImplementedError(msg)
        faults.append(translate(value, check.statistics or {}))
    return faults
