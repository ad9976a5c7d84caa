"""What a feature view means, as a fingerprint: its declaration, and the SQL that computes it.

Belongs here: which parts of a view change its meaning. Those are the entity, the age up to which a row is used, and of
each column name, kind, unit, availability and limits; the SQL of the view's dbt model, of the models beside it that it
reads, and of the macros of this project that these call; of another view that it reads, the version. Not a change of
meaning: spaces and comments of the SQL, and the wording (descriptions, drivers, reasons, actions, the owner). What lies
below the features (staging, intermediate) is shared with the marts and not part of a view. Does not belong here: the
page that keeps the fingerprints (`orchestration.reports.features_page`).
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

from feature_definitions import registry
from feature_definitions.base import FeatureView

Node = Mapping[str, Any]
PROJECT: Final = "customer_lifecycle"
FOLDER: Final = "features"
# Wording, the version itself, and how a join searches (never what it finds).
_NO_MEANING: Final = {"name", "schema", "owner", "version", "spacing"}
_COMMENT: Final = re.compile(r"('(?:[^']|'')*'|\"[^\"]*\")|\{#.*?#\}|--[^\n]*|/\*.*?\*/", re.DOTALL)
_TOKEN: Final = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|\w+|\{[%{]-?|-?[%}]\}|[^\w\s]")
# How Jinja drops the spaces around it, which is no meaning.
_BRACES: Final = {"{%-", "{{-", "-%}", "-}}"}


@dataclass(frozen=True)
class Meaning:
    """A view's version and the fingerprint of what it means.

    Attributes:
        grain: the view's description in dbt, which ends with its grain.
    """

    view: FeatureView
    grain: str
    fingerprint: str

    @property
    def name(self) -> str:
        """The view's name."""
        return self.view.name

    @property
    def version(self) -> int:
        """The view's version."""
        return self.view.version


def meanings(manifest: Mapping[str, Any], views: Sequence[FeatureView] = registry.VIEWS) -> tuple[Meaning, ...]:
    """The views with what they mean, in order.

    Args:
        manifest: dbt's.
    """
    versions = {view.name: view.version for view in views}
    return tuple(
        Meaning(
            view, " ".join(_node(manifest, view.name)["description"].split()), _fingerprint(view, manifest, versions)
        )
        for view in views
    )


def normalized(sql: str) -> str:
    """SQL (with Jinja) without comments, its words and signs parted by one space each; texts stay as they are."""
    tokens: list[str] = _TOKEN.findall(_COMMENT.sub(lambda found: found.group(1) or " ", sql))
    return " ".join(token.strip("-") if token in _BRACES else token for token in tokens)


def _description(manifest: Mapping[str, Any], view: FeatureView) -> str:
    return " ".join(_node(manifest, view.name)["description"].split())


def _fingerprint(view: FeatureView, manifest: Mapping[str, Any], versions: Mapping[str, int]) -> str:
    node = _node(manifest, view.name)
    parts = {one["name"]: one for one in _beside(manifest, node, versions)}
    macros = {name: manifest["macros"][name] for name in _macros(manifest, parts.values())}
    meaning = {
        "declaration": _declaration(view),
        "models": {name: normalized(one["raw_code"]) for name, one in sorted(parts.items())},
        "macros": {name: normalized(one["macro_sql"]) for name, one in sorted(macros.items())},
        "views": {name: versions[name] for one in parts.values() for name in sorted(_read_views(one, versions))},
    }
    return hashlib.sha256(json.dumps(meaning, sort_keys=True).encode()).hexdigest()[:12]


def _declaration(view: FeatureView) -> dict[str, Any]:
    """What changes a value or decides who may read it; a setting that has its default is left out."""
    declared = view.schema.to_schema().columns
    settings = {
        field.name: repr(value)
        for field in fields(view)
        if field.name not in _NO_MEANING and (value := getattr(view, field.name)) != field.default
    }
    columns = [
        [one.name, one.kind, one.unit, one.availability, declared[one.name].nullable, _limits(declared[one.name])]
        for one in view.columns
    ]
    return {"settings": settings, "columns": columns}


def _limits(column: Any) -> list[str]:  # noqa: ANN401 - a pandera column
    return sorted(f"{check.name} {check.statistics}" for check in column.checks)


def _node(manifest: Mapping[str, Any], name: str) -> Node:
    node: Node = manifest["nodes"][f"model.{PROJECT}.{name}"]
    return node


def _read_views(node: Node, versions: Mapping[str, int]) -> set[str]:
    return {parent.split(".")[-1] for parent in node["depends_on"]["nodes"]} & set(versions)


def _beside(manifest: Mapping[str, Any], node: Node, versions: Mapping[str, int]) -> Iterator[Node]:
    """The model, and the models of the features' folder that it reads, up to the next view."""
    yield node
    for parent in node["depends_on"]["nodes"]:
        found = manifest["nodes"].get(parent)
        if found and found["resource_type"] == "model" and FOLDER in found["fqn"] and found["name"] not in versions:
            yield from _beside(manifest, found, versions)


def _macros(manifest: Mapping[str, Any], nodes: Iterable[Node]) -> set[str]:
    """Every macro of this project that the nodes call, directly or through another one."""
    found: set[str] = set()
    waiting = [name for node in nodes for name in node["depends_on"]["macros"]]
    while waiting:
        name = waiting.pop()
        if name.split(".")[1] == PROJECT and name not in found:
            found.add(name)
            waiting += manifest["macros"][name]["depends_on"]["macros"]
    return found
