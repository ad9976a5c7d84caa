"""`docs/features.md`: every feature view with its columns, written from the declarations, and the record of versions.

Belongs here: the page's text. Does not belong here: figures of a company (`orchestration.reports.features_report`), or
what makes up a meaning (`orchestration.reports.feature_meaning`).
"""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from feature_definitions import registry
from feature_definitions.base import FeatureColumn, FeatureView
from orchestration.assets.models import READS_FEATURES
from orchestration.reports.feature_meaning import Meaning, meanings
from orchestration.resources import ROOT
from orchestration.tables import version_record
from orchestration.tables.version_record import stated
from orchestration.transformations.manifest import fresh_manifest

PAGE = ROOT / "docs" / "features.md"
OPENING = """# Features

Every feature is declared once, in [feature_definitions](../feature_definitions), and computed once, in
[dbt_project/models/features](../dbt_project/models/features), as it was known at `as_of`. `make features` prints how
fresh, complete and stable they are for a company. The newest row of each entity is published for look-ups by key
(`feature_definitions/online.py`). `make feast-export FOLDER=feature_repo` writes the views, the tables and a feature
service per model as a Feast repository.

A view that changes its meaning (SQL, declaration) gets a new version, which a test holds against this page;
`make features-page` writes it. A column that is `post_contact` is filled by sales after the contact and never shown to
a model that scores before it.
"""
HEAD = "| feature | meaning | unit | kind | driver | known | as a reason | what to do |\n" + "|---" * 8 + "|"
VALUE = re.compile(r"\{value[^}]*\}")
KNOWN = {"known_at_scoring": "at scoring", "post_contact": "`post_contact`"}


def manifest() -> Mapping[str, Any]:
    """The manifest that dbt makes of the project as it is now."""
    content: dict[str, Any] = json.loads(fresh_manifest().read_text(encoding="utf-8"))
    return content


def text(found: Sequence[Meaning]) -> str:
    """The page, one section per view."""
    return "\n".join([OPENING, *(_section(one) for one in found)])


def _section(one: Meaning) -> str:
    view = one.view
    entity = registry.entity_of(view)
    rows = "\n".join(_row(column) for column in view.columns)
    return (
        f"## {view.name}\n{one.grain}\n\n"
        f"- entity: {entity.name} (`{entity.key}`)\n"
        f"- owner: {view.owner}\n"
        f"- max age: {view.max_age.days} days; an older row is not used\n"
        f"- read by: {', '.join(f'`{model}`' for model in _readers(view)) or 'no model'}\n\n"
        f"{HEAD}\n{rows}\n\n"
        f"{stated(one)}"
    )


def _readers(view: FeatureView) -> list[str]:
    return [model for model in READS_FEATURES if view in registry.views_for(model)]


def _row(column: FeatureColumn) -> str:
    said = (("high", column.reason_high), ("low", column.reason_low), ("missing", column.reason_missing))
    reasons = "; ".join(f"{when}: {VALUE.sub('…', words)}" for when, words in said if words) or "never"
    cells = (
        f"`{column.name}`",
        column.description,
        column.unit or "–",
        column.kind,
        column.driver,
        KNOWN[column.availability],
        reasons,
        column.action or "–",
    )
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def main() -> int:
    """Write the page; refuses while a meaning changed without a new version."""
    found = meanings(manifest())
    return version_record.write(PAGE, found, text(found), kept_in="feature_definitions")


if __name__ == "__main__":
    sys.exit(main())
