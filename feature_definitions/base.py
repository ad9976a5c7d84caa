"""What a feature table and a feature view are.

Belongs here: the base class of the Pandera schemas, the declaration of one feature and the frozen view that the
registry, the checks and the models read. Does not belong here: any particular feature, SQL, or model code.

Wording: `reason_high`, `reason_low` and `reason_missing` are whole clauses as a person reads them in a list, without
a full stop. They state the fact, not its effect, because the model decides whether the fact raises or lowers the
prediction. The one placeholder is the feature's own value, `{value}` with an optional format of Python's
mini-language: `{value:.0%}` for ratios, `{value:.0f}` for counts and days, `{value:,.0f}` for money, `{value}` for
categories. `reason_missing` has no placeholder. A flag has no placeholder: high is true, low is false.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, cast

import pandera.pandas as pa

Availability = Literal["known_at_scoring", "post_contact"]
Kind = Literal["numeric", "categorical", "flag"]

KEY = "lifecycle_key"
FEATURE = "lifecycle_feature"


class FeatureTable(pa.DataFrameModel):
    """Base of all feature schemas: exactly the declared columns, no coercion, one row per entity and `as_of`."""

    class Config:
        """Strict by default: a column too many is an error like a column too few."""

        strict = True
        coerce = False
        ordered = False


@dataclass(frozen=True)
class FeatureColumn:
    """One feature as its declaration describes it.

    Attributes:
        unit: unit of the value ("days", "count", "ratio", "amount", "score"), empty for categories.
        reason_high: how a person says that a high value drives the prediction; None: never given as a reason.
        reason_low: the same for a low (or, for a category, any) value.
        action: what a person can do about it; None where nothing can be done.
        availability: `post_contact` columns are filled by sales after the contact and never reach a model that
            scores before it.
        reason_missing: how a person says that there is no value; None: its absence is never given as a reason.
    """

    name: str
    kind: Kind
    description: str
    unit: str
    driver: str
    reason_high: str | None
    reason_low: str | None
    action: str | None
    availability: Availability
    reason_missing: str | None = None

    @property
    def signature(self) -> str:
        """What a model's input must agree in: name and kind."""
        return f"{self.name} ({self.kind})"


def feature(
    description: str,
    *,
    kind: Kind = "numeric",
    unit: str = "",
    driver: str = "other",
    reason_high: str | None = None,
    reason_low: str | None = None,
    action: str | None = None,
    availability: Availability = "known_at_scoring",
    reason_missing: str | None = None,
    nullable: bool = True,
    **checks: Any,  # noqa: ANN401 - passed through to pandera.Field
) -> Any:  # noqa: ANN401 - pandera.Field returns Any so that class attributes type-check
    """Declare one feature; `checks` are those of `pandera.Field` (ge, le, isin, ...).

    Args:
        driver: features of one driver are summed into one reason ("usage", "support", "contract", ...).
    """
    declared = {
        "kind": kind,
        "unit": unit,
        "driver": driver,
        "reason_high": reason_high,
        "reason_low": reason_low,
        "action": action,
        "availability": availability,
        "reason_missing": reason_missing,
    }
    return pa.Field(nullable=nullable, description=description, metadata={FEATURE: declared}, **checks)


def category(description: str, *, driver: str, **declared: Any) -> Any:  # noqa: ANN401 - see `feature`
    """Declare a category: text, never null; what the source does not say is `unknown`."""
    return feature(description, kind="categorical", driver=driver, nullable=False, **declared)


def flag(description: str, *, driver: str, **declared: Any) -> Any:  # noqa: ANN401 - see `feature`
    """Declare a flag: true or false, never null."""
    return feature(description, kind="flag", driver=driver, nullable=False, **declared)


def count(description: str, *, driver: str, **declared: Any) -> Any:  # noqa: ANN401 - see `feature`
    """Declare a count: zero where nothing was found, never null or negative."""
    return feature(description, unit="count", driver=driver, nullable=False, ge=0, **declared)


def days(description: str, *, driver: str, **declared: Any) -> Any:  # noqa: ANN401 - see `feature`
    """Declare a number of days that cannot be negative; null where there is nothing to measure from."""
    return feature(description, unit="days", driver=driver, ge=0, **declared)


def key(description: str) -> Any:  # noqa: ANN401 - pandera.Field returns Any
    """Declare a key column: the entity's id, or `as_of`."""
    return pa.Field(nullable=False, description=description, metadata={KEY: True})


@dataclass(frozen=True)
class FeatureView:
    """A feature table with what its readers need to know.

    Attributes:
        name: equals the dbt model's name, `feat_<entity>_<topic>`.
        entity: the key column, `account_id`, `lead_id` or `deal_id`.
        schema: the Pandera class of the table.
        max_age: a row whose event time is older than this is not used at a later label time.
        owner: team that answers for it.
        version: raised with every change of meaning.
        event_time: column that says when the facts of a row happened.
        known_time: column that says when the row could first be known; None: at its event time, as our own month-end
            tables are, of which a correction is another row of the sources and not of the table.
        time_type: whether these columns hold days or instants.
        spacing: usual time from one row of a key to its next; decides how the point-in-time join searches, never
            what it finds.
    """

    name: str
    entity: str
    schema: type[FeatureTable]
    max_age: timedelta
    owner: str
    version: int
    event_time: str = "as_of"
    known_time: str | None = None
    time_type: Literal["date", "timestamp"] = "date"
    spacing: timedelta = timedelta(days=31)

    @property
    def known_column(self) -> str:
        """The column that says when a row could first be known."""
        return self.known_time or self.event_time

    @property
    def times(self) -> tuple[str, ...]:
        """The columns of time: the event's and, where the view has one of its own, the known time."""
        return (self.event_time,) if self.known_time is None else (self.event_time, self.known_time)

    @property
    def table(self) -> str:
        """Qualified name of the dbt model that builds it."""
        return f"features.{self.name}"

    @property
    def columns(self) -> tuple[FeatureColumn, ...]:
        """The features (keys left out), in the order of declaration."""
        declared = self.schema.to_schema().columns
        return tuple(
            FeatureColumn(name=name, description=column.description or "", **cast("dict[str, Any]", meta[FEATURE]))
            for name, column in declared.items()
            if FEATURE in (meta := column.metadata or {})
        )


def usable_columns(views: Sequence[FeatureView], *, before_contact: bool = False) -> tuple[FeatureColumn, ...]:
    """The features of several views that a model may use.

    Args:
        before_contact: leave out the `post_contact` columns, for a model that scores before sales has a contact.
    """
    columns = [column for view in views for column in view.columns]
    return tuple(column for column in columns if not (before_contact and column.availability == "post_contact"))
