"""Features as they were known at each label's time, as SQL text.

Belongs here: the join of feature views to (entity, time) rows. Does not belong here: running it, or labels.

Per view: join labels to the view's keys only, keep the newest row no older than the view's `max_age` by
`row_number`, and only then fetch the wide columns of the winning rows. No ASOF join is needed, so that the text runs
on DuckDB and on Spark alike, and memory stays small because the inequality join is narrow. Every label row is kept
once and in its order. A feature row's `as_of` says both when its facts happened and when they were known.
"""

from collections.abc import Sequence

from feature_definitions.base import FeatureView

POSITION = "label_position"


def training_sql(views: Sequence[FeatureView], labels_table: str, entity: str, time_column: str) -> str:
    """SQL that joins the newest known features of several views to any label rows.

    Args:
        views: all of one entity; no two may have a feature of the same name.
        labels_table: table of the labels. It has a unique, non-null column `label_position` that gives the order of
            its rows, the entity's key and the time column; all its columns are returned.
        entity: key column of the entity in labels and views.
        time_column: DATE or TIMESTAMP column of the labels; a view's row of the same day counts as known.

    Returns:
        A query with the labels' columns, then per view `<view>_as_of` (null where nothing is known) and its features.

    Raises:
        ValueError: no view, a view of another entity, or a feature that two views have.
    """
    _require_same_entity(views, entity)
    steps = [f"labels as (\n    select * from {labels_table}\n)"]  # noqa: S608 - the caller's own table
    steps += [step for view in views for step in _newest_known(view, entity, time_column)]
    columns = [f"known_{view.name}.{column}" for view in views for column in _fetched(view)]
    joins = [f"left join known_{view.name} on labels.{POSITION} = known_{view.name}.{POSITION}" for view in views]
    body = ["select", "    " + ",\n    ".join(["labels.*", *columns]), "from labels", *joins]
    return "with " + ",\n\n".join(steps) + "\n\n" + "\n".join(body) + f"\norder by labels.{POSITION}"


def exact_sql(views: Sequence[FeatureView], where: str = "true") -> str:
    """SQL that puts the views of one entity side by side, for rows that lie on the views' own `as_of`.

    Args:
        views: all of one entity; the first decides which rows there are.
        where: condition on the first view's columns, which it calls `base`.

    Returns:
        A query with the entity's key, `as_of` and the features of all views, in order of time and entity.

    Raises:
        ValueError: no view, views of several entities, or a feature that two views have.
    """
    entity = views[0].entity if views else ""
    _require_same_entity(views, entity)
    base, *others = views
    columns = [f"base.{column.name}" for column in base.columns]
    columns += [f"{view.name}.{column.name}" for view in others for column in view.columns]
    joins = [
        f"left join {view.table} as {view.name}"
        f" on base.{entity} = {view.name}.{entity} and base.as_of = {view.name}.as_of"
        for view in others
    ]
    head = ["select", "    " + ",\n    ".join([f"base.{entity}", "base.as_of", *columns]), f"from {base.table} as base"]
    return "\n".join([*head, *joins, f"where {where}", f"order by base.as_of, base.{entity}"])


def _require_same_entity(views: Sequence[FeatureView], entity: str) -> None:
    if not views:
        msg = "at least one feature view is needed"
        raise ValueError(msg)
    foreign = [view.name for view in views if view.entity != entity]
    if foreign:
        msg = f"{', '.join(foreign)} have not the key {entity}; join only views of one entity"
        raise ValueError(msg)
    names = [column.name for view in views for column in view.columns]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        msg = f"several of the views have the features {', '.join(repeated)}; rename them or leave a view out"
        raise ValueError(msg)


def _newest_known(view: FeatureView, entity: str, time_column: str) -> list[str]:
    """The steps that find, and then fetch, a view's newest row for each label."""
    oldest = f"cast(labels.{time_column} as date) - interval '{view.max_age.days}' day"
    dated = f"""dated_{view.name} as (
    select
        labels.{POSITION},
        labels.{entity},
        features.as_of,
        row_number() over (partition by labels.{POSITION} order by features.as_of desc) as age_rank
    from labels
    inner join {view.table} as features
        on labels.{entity} = features.{entity}
        and features.as_of <= cast(labels.{time_column} as date)
        and features.as_of >= {oldest}
)"""  # noqa: S608 - names come from the registry and the caller's code
    columns = ",\n        ".join(f"features.{column.name}" for column in view.columns)
    known = f"""known_{view.name} as (
    select
        dated_{view.name}.{POSITION},
        features.as_of as {view.name}_as_of,
        {columns}
    from dated_{view.name}
    inner join {view.table} as features
        on dated_{view.name}.{entity} = features.{entity}
        and dated_{view.name}.as_of = features.as_of
    where dated_{view.name}.age_rank = 1
)"""  # noqa: S608 - as above
    return [dated, known]


def _fetched(view: FeatureView) -> list[str]:
    return [f"{view.name}_as_of", *(column.name for column in view.columns)]
