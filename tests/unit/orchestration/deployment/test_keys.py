from collections.abc import Iterable

import dagster as dg
import pytest
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph

from orchestration.build import build_defs
from orchestration.resources import Deployment
from tests import small_companies

COMPANY = "small"
CHECKS = Iterable[dg.AssetCheckKey]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[dg.Definitions, dg.Definitions]:
    """The same company alone, and beside another one."""
    tables = small_companies.contractual(2, 2)
    alone = small_companies.deploy(tmp_path_factory.mktemp("alone"), COMPANY, "contractual", tables)
    shared = Deployment(
        company_name=COMPANY,
        state_folder=alone.state_folder,
        data_folder=alone.data_folder,
        companies_folder=alone.companies_folder,
        companies=[COMPANY, "other"],
    )
    return build_defs(alone), build_defs(shared)


def lineage(graph: AssetGraph, *prefix: str) -> dict[dg.AssetKey, set[dg.AssetKey]]:
    return {
        node.key.with_prefix(prefix): {parent.with_prefix(prefix) for parent in node.parent_keys}
        for node in graph.asset_nodes
    }


def named(keys: CHECKS, *prefix: str) -> set[tuple[dg.AssetKey, str]]:
    return {(key.asset_key.with_prefix(prefix), key.name) for key in keys}


def test_every_key_begins_with_the_company(both: tuple[dg.Definitions, dg.Definitions]) -> None:
    """Beside other companies the graph is the same graph, with the company before every asset and every check."""
    alone, shared = (defs.resolve_asset_graph() for defs in both)
    assert lineage(shared) == lineage(alone, COMPANY)
    assert named(shared.asset_check_keys) == named(alone.asset_check_keys, COMPANY)


def test_every_job_selects_the_same(both: tuple[dg.Definitions, dg.Definitions]) -> None:
    """A job selects what it selects for a company alone: assets and checks."""
    for job in both[0].resolve_all_job_defs():
        if job.name.startswith("__"):
            continue
        layers = [defs.resolve_job_def(job.name).asset_layer for defs in both]
        keys = [{key.with_prefix(()) for key in layer.selected_asset_keys} for layer in layers]
        assert {key.with_prefix(COMPANY) for key in keys[0]} == keys[1], job.name
        checks = [layer.asset_graph.asset_check_keys for layer in layers]
        assert named(checks[0], COMPANY) == named(checks[1]), job.name


def test_no_company_waits_for_the_pool_of_another(both: tuple[dg.Definitions, dg.Definitions]) -> None:
    """The one writer of a warehouse is one per company."""
    pools = [
        {pool for job in defs.resolve_all_job_defs() for node in job.nodes for pool in node.definition.pools}
        for defs in both
    ]
    assert pools == [{"duckdb_writer"}, {"duckdb_writer_small"}]
