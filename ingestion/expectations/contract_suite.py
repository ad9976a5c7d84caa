"""The contract as expectations: every rule of the Pandera models becomes one, so that there is one truth.

Belongs here: one translation per kind of rule. A rule without a translation is an error when the suite is built, never
a silent pass. All of them are critical: landing guarantees them, so a failure means a bug or a row changed by hand.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ingestion.contract_fields import RawColumn, RawTable
from ingestion.warehouse_schema import raw_columns

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite
    from great_expectations.expectations.expectation import Expectation

Statistics = Mapping[str, Any]
# Name of the expectation's class, its arguments, and what is said of the column.
Rule = tuple[str, dict[str, Any], str]


def _length(limits: Statistics) -> Rule:
    least, most = limits.get("min_value") or 0, limits.get("max_value")
    words = f"has {least} to {most:,} characters" if least != most else f"has {least} characters"
    return "ExpectColumnValueLengthsToBeBetween", {"min_value": least, "max_value": most}, words


def _one_of(limits: Statistics) -> Rule:
    allowed = list(limits["allowed_values"])
    return "ExpectColumnValuesToBeInSet", {"value_set": allowed}, f"is one of {', '.join(allowed)}"


def _pattern(limits: Statistics) -> Rule:
    pattern = getattr(limits["pattern"], "pattern", limits["pattern"])
    return "ExpectColumnValuesToMatchRegex", {"regex": f"^(?:{pattern})"}, f"matches {pattern}"


def _at_least(limits: Statistics) -> Rule:
    limit = limits["min_value"]
    return "ExpectColumnValuesToBeBetween", {"min_value": limit}, f"is at least {_plain(limit)}"


def _at_most(limits: Statistics) -> Rule:
    limit = limits["max_value"]
    return "ExpectColumnValuesToBeBetween", {"max_value": limit}, f"is at most {_plain(limit)}"


def _plain(limit: object) -> str:
    return str(limit).removesuffix(" 00:00:00")


TRANSLATIONS: dict[str, Callable[[Statistics], Rule]] = {
    "str_length": _length,
    "isin": _one_of,
    "str_matches": _pattern,
    "greater_than_or_equal_to": _at_least,
    "less_than_or_equal_to": _at_most,
}


def contract_suite(table: RawTable) -> "ExpectationSuite":
    """The expectations that follow from the contract of one table.

    Raises:
        NotImplementedError: the contract uses a check that has no translation.
    """
    import great_expectations as gx

    found: list[Expectation] = [_columns(table), _unique(table)]
    for column in table.columns:
        found += [_expectation(column, rule) for rule in _rules(table, column)]
    return gx.ExpectationSuite(name=f"{table.name} contract", expectations=found)


def _columns(table: RawTable) -> "Expectation":
    from great_expectations import expectations

    made: Expectation = expectations.ExpectTableColumnsToMatchSet(
        column_set=list(raw_columns(table)),
        exact_match=True,
        severity="critical",
        description="The table has exactly the columns of the contract and those that say where a row came from.",
    )
    return made


def _unique(table: RawTable) -> "Expectation":
    from great_expectations import expectations

    # Of older versions the batch holds those that break a rule; two newest ones share both clocks.
    made: Expectation = expectations.ExpectCompoundColumnsToBeUnique(
        column_list=["source", table.key, "known_at", "loaded_at"],
        severity="critical",
        description=f"Each {table.key} of a source has one newest version.",
        meta={"subject": table.key},
    )
    return made


def _rules(table: RawTable, column: RawColumn) -> Iterator[Rule]:
    if not column.nullable:
        yield "ExpectColumnValuesToNotBeNull", {}, "is never missing"
    for check in table.schema.to_schema().columns[column.name].checks:
        translate = TRANSLATIONS.get(check.name or "")
        if translate is None:
            msg = f"{table.name}.{column.name}: check '{check.name}' has no expectation; add one to TRANSLATIONS"
            raise NotImplementedError(msg)
        yield translate(check.statistics or {})


def _expectation(column: RawColumn, rule: Rule) -> "Expectation":
    from great_expectations import expectations

    kind, arguments, words = rule
    made: Expectation = getattr(expectations, kind)(
        column=column.name, severity="critical", description=f"{column.name} {words}.", **arguments
    )
    return made
