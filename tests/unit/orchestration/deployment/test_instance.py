from pathlib import Path

import yaml

from orchestration.deployment import instance
from orchestration.resources import ROOT, Deployment

TOP = yaml.safe_load((ROOT / "dagster.yaml").read_text())


def deployment(folder: Path, **settings: object) -> Deployment:
    return Deployment(company_name="sample", state_folder=str(folder), data_folder=str(folder), **settings)  # type: ignore[arg-type]  # pydantic checks them


def test_one_company_in_sqlite_uses_our_file(tmp_path: Path) -> None:
    """Nothing is generated where nothing differs: Dagster's home is this folder, the records are the company's."""
    alone = deployment(tmp_path)
    instance.prepare(alone)
    assert alone.dagster_home == ROOT
    assert alone.dagster_folder == tmp_path / "sample" / "dagster"
    assert list(alone.dagster_folder.iterdir()) == []


def test_a_database_replaces_only_the_storage(tmp_path: Path) -> None:
    """All other settings are those of the top-level file, and the URL is named, not written."""
    stored = deployment(tmp_path, has_dagster_database=True)
    instance.prepare(stored)
    made = yaml.safe_load((stored.dagster_home / "dagster.yaml").read_text())
    assert made == TOP | {"storage": {"postgres": {"postgres_url": {"env": "LIFECYCLE_DAGSTER_URL"}}}}


def test_companies_share_records_and_none_waits_for_another(tmp_path: Path) -> None:
    """Each company may have as many runs at once as a single one, and no more, so that a slot is free for each."""
    shared = deployment(tmp_path, companies=["sample", "olist", "cdnow"])
    instance.prepare(shared)
    assert shared.dagster_home == tmp_path / "dagster"
    made = yaml.safe_load((shared.dagster_home / "dagster.yaml").read_text())
    alone = TOP["concurrency"]["runs"]["max_concurrent_runs"]
    runs = made["concurrency"]["runs"]
    assert runs["max_concurrent_runs"] == 3 * alone
    limits = {limit["key"]: limit for limit in runs["tag_concurrency_limits"]}
    assert limits["customer_lifecycle/company"]["value"] == {"applyLimitPerUniqueValue": True}
    assert limits["customer_lifecycle/company"]["limit"] <= alone


def test_each_company_is_a_code_location(tmp_path: Path) -> None:
    """The list of code locations names a module attribute per company, so that one that fails stops no other."""
    shared = deployment(tmp_path, companies=["sample", "olist"])
    instance.prepare(shared)
    found = yaml.safe_load(instance.workspace_file(shared).read_text())["load_from"]
    modules = [entry["python_module"] for entry in found]
    assert [(module["location_name"], module["attribute"]) for module in modules] == [
        ("sample", "sample"),
        ("olist", "olist"),
    ]
    assert {module["working_directory"] for module in modules} == {str(ROOT)}


def test_a_file_that_is_right_is_left_alone(tmp_path: Path) -> None:
    """A start beside a running server does not touch the file that the server watches."""
    shared = deployment(tmp_path, companies=["sample", "olist"])
    instance.prepare(shared)
    before = instance.workspace_file(shared).stat().st_mtime_ns
    instance.prepare(shared)
    assert instance.workspace_file(shared).stat().st_mtime_ns == before
    assert {path.name for path in shared.dagster_folder.iterdir()} == {"dagster.yaml", "workspace.yaml"}
