"""What dbt's manifest says about the project, in the words of the tests that judge it.

Belongs here: reading the manifest and listing what is wrong with it. Does not belong here: what must be true of it, and
anything that needs a warehouse.
"""

import csv
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from orchestration.transformations.manifest import fresh_manifest

Node = Mapping[str, Any]
FLAG = ("is_", "has_")


@cache
def manifest() -> Mapping[str, Any]:
    """The manifest of the project as it is now."""
    content: dict[str, Any] = json.loads(fresh_manifest().read_text(encoding="utf-8"))
    return content


def nodes(*kinds: str) -> list[Node]:
    """Nodes of these resource types by name."""
    found = [node for node in manifest()["nodes"].values() if node["resource_type"] in kinds]
    return sorted(found, key=lambda node: str(node["name"]))


def models(*folders: str) -> list[Node]:
    """Models, all of them or those in these folders of `models/`."""
    return [node for node in nodes("model") if not folders or node["fqn"][1] in folders]


def is_ephemeral(node: Node) -> bool:
    """Whether the model is no table of its own but written into the models that read it."""
    return bool(node["config"]["materialized"] == "ephemeral")


def columns(node: Node) -> Mapping[str, Mapping[str, Any]]:
    """The documented columns of a table by name."""
    found: Mapping[str, Mapping[str, Any]] = node["columns"]
    return found


def tested_by(generic_test: str) -> set[str]:
    """Names of the models and seeds that have the generic test."""
    tests = [node for node in nodes("test") if (node.get("test_metadata") or {}).get("name") == generic_test]
    return {test["attached_node"].split(".")[-1] for test in tests}


def singular_tests() -> list[Node]:
    """Tests that are a file of their own."""
    return [node for node in nodes("test") if not node.get("test_metadata")]


def unit_tests() -> list[Node]:
    """The unit tests that dbt runs, by name."""
    return sorted(manifest()["unit_tests"].values(), key=lambda test: str(test["name"]))


def computed_flags(*folders: str) -> set[str]:
    """`model.column` of every truth that a model computes, and does not just pass on under the same name."""
    return {
        f"{node['name']}.{column}"
        for node in models(*folders)
        for column in columns(node)
        if column.startswith(FLAG) and not _is_passed_on(node, column)
    }


def expected_flags() -> Mapping[str, set[str]]:
    """`model.column` to the values ("true", "false", "null") that unit tests of the model expect of the flag."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for test in unit_tests():
        for row in _rows(test["expect"]):
            for column, value in row.items():
                if column.startswith(FLAG):
                    found[f"{test['model']}.{column}"].add("null" if value is None else str(value).lower())
    return found


def none_of(found: Iterable[str], mend: str) -> None:
    """Fail with every name found, one a line: pytest shortens a long list just where the reader needs it."""
    names = sorted(found)
    assert not names, "\n".join([f"{mend} ({len(names)}):", *names])


def _is_passed_on(node: Node, column: str) -> bool:
    """Whether the SQL gives no column this name and a model that it reads has one of it."""
    parents = [manifest()["nodes"].get(parent, {}) for parent in node["depends_on"]["nodes"]]
    is_named_here = re.search(rf"\bas {column}\b", node["raw_code"])
    return not is_named_here and any(column in parent.get("columns", {}) for parent in parents)


def _rows(expected: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Rows of an expectation in any of dbt's formats; a query counts as expecting what its words say."""
    rows: Sequence[Mapping[str, Any]] | str = expected["rows"] or []
    if not isinstance(rows, str):
        yield from rows
    elif expected["format"] == "csv":
        yield from csv.DictReader(rows.splitlines())
    else:
        words = rows.replace(",", " ").split()
        yield from ({word: value} for word in words if word.startswith(FLAG) for value in ("true", "false"))
