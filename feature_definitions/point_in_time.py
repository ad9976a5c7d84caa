"""Features as they were known at each label's time, as SQL text.

Belongs here: the bitemporal join of feature views to (keys, time) rows. Does not belong here: running it, or labels.

A feature row counts for a label if its event time and its known time are both at or before the label's time and its
event time is no older than the view's `max_age` (the border counts). Of the rows that count wins the newest event
time, of these the newest known time (the latest correction), of these the largest values, column by column in the
order of declaration, a missing value last. A row without event time or known time never counts: nobody can say when.

Per view: join labels to keys and times only and keep the newest event time, then fetch the wide columns of that row
alone. Every label row is kept once and in its order. No ASOF join is needed, so that the text runs on DuckDB and on
Spark alike, and memory stays small because the inequality join is narrow. That join compares each label with every
row of its key. Where a view has more than `DENSE_ROWS` rows of a key within its max age, time is cut into buckets:
a label is compared with the rows of its own bucket and with the newest row of all earlier ones that are near enough.
`docs/results/point_in_time.md` has the measurements.
"""

from collections.abc import Sequence
from datetime import timedelta

from feature_definitions.base import FeatureColumn, FeatureView

POSITION = "label_position"
# Measured: below, every row of a key is compared faster than buckets are made (1.5 times at 3 rows); above, buckets
# win (5 times at 90 rows). Between 3 and 5 buckets per max age made no difference.
DENSE_ROWS = 20
BUCKETS = 4


def training_sql(views: Sequence[FeatureView], labels_table: str, time_column: str, *, full_names: bool = False) -> str:
    """SQL that joins the newest known features of several views to any label rows.

    Args:
        views: of one or several entities.
        labels_table: table of the labels. It has a unique, non-null column `label_position` that gives the order of
            its rows, the key of each view's entity (null where it does not apply) and the time column; all its
            columns are returned.
        time_column: DATE or TIMESTAMP column of the labels. A view with days is compared by day: its row of the
            label's own day counts, whatever the hour. For a view with instants a DATE is the day's first instant.
        full_names: call a feature `<view>__<feature>`, as views that share a feature's name need.

    Returns:
        A query with the labels' columns, then per view `<view>_<event time>` and, where the view has one,
        `<view>_<known time>` of the row that was found (null where nothing is known), and its features.

    Raises:
        ValueError: no view, or a feature that two views have and no `full_names`.
    """
    _require_distinct(views, full_names=full_names)
    steps = [f"labels as (\n    select * from {labels_table}\n)"]  # noqa: S608 - the caller's own table
    steps += [step for view in views for step in _view_steps(view, time_column)]
    columns = [column for view in views for column in _named(view, full_names=full_names)]
    joins = [
        f"left join ranked_{view.name} as {view.name}"
        f" on labels.{POSITION} = {view.name}.{POSITION} and {view.name}.tie_rank = 1"
        for view in views
    ]
    body = ["select", "    " + ",\n    ".join(["labels.*", *columns]), "from labels", *joins]
    return "with " + ",\n\n".join(steps) + "\n\n" + "\n".join(body) + f"\norder by labels.{POSITION}"


def exact_sql(views: Sequence[FeatureView], where: str = "true", columns: Sequence[FeatureColumn] | None = None) -> str:
    """SQL that puts the views of one entity side by side, for rows that lie on the views' own `as_of`.

    Args:
        views: all of one entity; the first decides which rows there are.
        where: condition on the first view's columns, which it calls `base`.
        columns: only these features; without them, all.

    Returns:
        A query with the entity's key, `as_of` and the features of all views, in order of time and entity.

    Raises:
        ValueError: no view, views of several entities, or a feature that two views have.
    """
    _require_distinct(views, full_names=False)
    base, *others = views
    _require_same_entity(views, base.entity)
    wanted = {column.name for view in views for column in view.columns if columns is None or column in columns}
    selected = [f"base.{column.name}" for column in base.columns if column.name in wanted]
    selected += [f"{view.name}.{column.name}" for view in others for column in view.columns if column.name in wanted]
    joins = [
        f"left join {view.table} as {view.name}"
        f" on base.{base.entity} = {view.name}.{base.entity} and base.as_of = {view.name}.as_of"
        for view in others
    ]
    keys = [f"base.{base.entity}", "base.as_of"]
    head = ["select", "    " + ",\n    ".join([*keys, *selected]), f"from {base.table} as base"]
    return "\n".join([*head, *joins, f"where {where}", f"order by base.as_of, base.{base.entity}"])


def _require_distinct(views: Sequence[FeatureView], *, full_names: bool) -> None:
    if not views:
        msg = "at least one feature view is needed"
        raise ValueError(msg)
    names = [name for view in views for name in ([view.name] if full_names else [c.name for c in view.columns])]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        msg = f"several of the views have {', '.join(repeated)}; ask for full names or leave a view out"
        raise ValueError(msg)


def _require_same_entity(views: Sequence[FeatureView], entity: str) -> None:
    foreign = [view.name for view in views if view.entity != entity]
    if foreign:
        msg = f"{', '.join(foreign)} have not the key {entity}; join only views of one entity"
        raise ValueError(msg)


def _view_steps(view: FeatureView, time_column: str) -> list[str]:
    """The steps that find, and then fetch, a view's newest row for each label."""
    asked = f"""asked_{view.name} as (
    select {POSITION}, {view.entity}, cast({time_column} as {view.time_type}) as label_time
    from labels
    where {view.entity} is not null
)"""  # noqa: S608 - names come from the registry and the caller's code
    is_dense = view.max_age > DENSE_ROWS * view.spacing
    newest = [_buckets(view), _newest_in_buckets(view)] if is_dense else [_newest(view)]
    return [asked, *newest, _ranked(view)]


def _newest(view: FeatureView) -> str:
    """The newest event time that counts, from all rows of the label's key."""
    return f"""newest_{view.name} as (
    select asked.{POSITION}, max(features.{view.event_time}) as event_time
    from asked_{view.name} as asked
    inner join {view.table} as features
        on asked.{view.entity} = features.{view.entity}
        and features.{view.event_time} <= asked.label_time
        and features.{view.event_time} >= {_oldest(view)}
        and features.{view.known_column} <= asked.label_time
    group by asked.{POSITION}
)"""  # noqa: S608 - as above


def _buckets(view: FeatureView) -> str:
    """Rows and labels with the number of their bucket, and for each bucket the newest event time before it.

    A row is visible from the later of its two times on. In a bucket before the label's every row is visible, so
    that its newest event time stands for all of them. It is handed on to the buckets that its max age reaches: there
    are far fewer buckets than labels, each of which then asks once.
    """
    days = _bucket_days(view)
    name, key, event, known = view.name, view.entity, view.event_time, view.known_column
    shown = event if known == event else f"greatest({event}, {known})"
    # Day numbers jump by one at the end of a common year, see `_bucket`.
    reach = (view.max_age.days + view.max_age.days // 365 + 2) // days + 1
    steps = ", ".join(f"({number})" for number in range(1, reach + 1))
    return f"""visible_{name} as (
    select {key}, {event} as event_time, {shown} as visible_time, {_bucket(shown, days)} as bucket
    from {view.table}
    where {event} is not null and {known} is not null
),

buckets_{name} as (
    select {key}, bucket, max(event_time) as event_time
    from visible_{name}
    group by {key}, bucket
),

earlier_{name} as (
    select buckets.{key}, buckets.bucket + steps.ahead as bucket, max(buckets.event_time) as event_time
    from buckets_{name} as buckets
    cross join (values {steps}) as steps (ahead)
    group by buckets.{key}, buckets.bucket + steps.ahead
),

placed_{name} as (
    select {POSITION}, {key}, label_time, {_bucket("label_time", days)} as bucket
    from asked_{name}
)"""  # noqa: S608 - as above


def _newest_in_buckets(view: FeatureView) -> str:
    """The newest event time that counts, from the label's own bucket and those before it within the max age."""
    name, key = view.name, view.entity
    return f"""candidates_{name} as (
    select asked.{POSITION}, features.event_time
    from placed_{name} as asked
    inner join visible_{name} as features
        on asked.{key} = features.{key}
        and asked.bucket = features.bucket
        and features.visible_time <= asked.label_time
        and features.event_time >= {_oldest(view)}
    union all
    select asked.{POSITION}, features.event_time
    from placed_{name} as asked
    inner join earlier_{name} as features
        on asked.{key} = features.{key}
        and asked.bucket = features.bucket
        and features.event_time >= {_oldest(view)}
),

newest_{name} as (
    select {POSITION}, max(event_time) as event_time
    from candidates_{name}
    group by {POSITION}
)"""  # noqa: S608 - as above


def _ranked(view: FeatureView) -> str:
    """The wide rows of the newest event time, the one that wins first."""
    order = [f"features.{view.known_column} desc"] if view.known_time else []
    order += [f"features.{column.name} desc nulls last" for column in view.columns]
    fetched = [*view.times, *(column.name for column in view.columns)]
    columns = ",\n        ".join(f"features.{name}" for name in fetched)
    return f"""ranked_{view.name} as (
    select
        asked.{POSITION},
        {columns},
        row_number() over (partition by asked.{POSITION} order by {", ".join(order)}) as tie_rank
    from newest_{view.name} as newest
    inner join asked_{view.name} as asked on newest.{POSITION} = asked.{POSITION}
    inner join {view.table} as features
        on asked.{view.entity} = features.{view.entity}
        and newest.event_time = features.{view.event_time}
        and features.{view.known_column} <= asked.label_time
)"""  # noqa: S608 - as above


def _bucket_days(view: FeatureView) -> int:
    return max(1, view.max_age.days // BUCKETS)


def _oldest(view: FeatureView) -> str:
    if view.time_type == "date":
        return f"asked.label_time - interval '{view.max_age.days}' day"
    return f"asked.label_time - interval '{view.max_age // timedelta(seconds=1)}' second"


def _bucket(time: str, days: int) -> str:
    """Number of a time's bucket, never falling with time, in functions that DuckDB and Spark share."""
    return f"cast(floor((366 * extract(year from {time}) + extract(doy from {time})) / {days}) as bigint)"


def _named(view: FeatureView, *, full_names: bool) -> list[str]:
    times = [f"{view.name}.{time} as {view.name}_{time}" for time in view.times]
    prefix = f"{view.name}__" if full_names else ""
    return times + [f"{view.name}.{column.name} as {prefix}{column.name}" for column in view.columns]
