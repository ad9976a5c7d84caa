"""The tables of a built warehouse and what dbt's YAML says of them are the same thing."""

from collections import defaultdict

import pytest

from tests import dbt_manifest as dbt
from tests.dbt_builds import Query
from tests.dbt_manifest import none_of

pytestmark = pytest.mark.slow  # a dbt build, shared with others
SCHEMAS = ("staging", "intermediate", "marts")


def _real_columns(query: Query) -> dict[str, set[str]]:
    """Table to its columns, in the schemas that dbt fills from the shared build."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    listed = f"select table_name, column_name from information_schema.columns where table_schema in {SCHEMAS}"
    for table, column in query(listed):
        found[table].add(column)
    return dict(found)


def _documented_columns() -> dict[str, set[str]]:
    """The same as the YAML has it; the shared build leaves the features out, and an ephemeral model is no table."""
    built = [node for node in dbt.nodes("model", "seed") if node["fqn"][1] != "features"]
    return {node["name"]: set(dbt.columns(node)) for node in built if not dbt.is_ephemeral(node)}


def test_every_table_documents_exactly_its_columns(miniature_contractual: Query) -> None:
    """No column without a description, and no description of a column that is not there."""
    real, documented = _real_columns(miniature_contractual), _documented_columns()
    none_of(real.keys() ^ documented.keys(), "only in the warehouse or only in the YAML")
    none_of(
        (f"{table}.{column}" for table in real for column in real[table] - documented[table]), "describe the column"
    )
    none_of((f"{table}.{column}" for table in real for column in documented[table] - real[table]), "no such column")
