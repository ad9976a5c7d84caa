import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import dagster as dg
import pytest

from orchestration.build import build_defs
from orchestration.resources import ROOT, Deployment

SNAPSHOT = Path(__file__).with_name("graph.txt")
UPDATE = "LIFECYCLE_UPDATE_GRAPH=1 .venv/bin/python -m pytest tests/conventions/test_graph.py"
# Loads the definitions in a process where any connection to an address is an error.
LOAD_WITHOUT_NETWORK = """
import socket
class NoNetwork(socket.socket):
    def connect(self, address):
        if self.family != socket.AF_UNIX:
            raise OSError(f"a connection to {address} was tried")
    connect_ex = connect
socket.socket = NoNetwork
from orchestration.definitions import defs
import dagster
dagster.Definitions.validate_loadable(defs)
print(len(list(defs.resolve_asset_graph().get_all_asset_keys())))
"""


@pytest.fixture(scope="module")
def defs(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    """The definitions of the sample company."""
    folder = str(tmp_path_factory.mktemp("graph"))
    return build_defs(Deployment(company_name="sample", state_folder=folder, data_folder=folder))


def graph(defs: dg.Definitions) -> dict[str, dict[str, object]]:
    """What the UI shows of the graph, by name, in an order of its own."""
    assets: dict[str, object] = {
        spec.key.to_user_string(): {
            "group": spec.group_name,
            "owners": sorted(spec.owners),
            "kinds": sorted(spec.kinds),
            "partitioned": spec.partitions_def is not None,
        }
        for spec in defs.resolve_all_asset_specs()
    }
    checks: dict[str, object] = {
        f"{spec.asset_key.to_user_string()}: {spec.name}": "blocking" if spec.blocking else "warns"
        for definition in defs.resolve_asset_graph().assets_defs
        for spec in definition.check_specs
    }
    return {"assets": assets, "checks": checks, "jobs": jobs(defs)} | automation(defs.get_repository_def())


def jobs(defs: dg.Definitions) -> dict[str, object]:
    """Every job with its tags, the number of its steps, and the number and the keys of its assets."""
    found = {job.name: defs.resolve_job_def(job.name) for job in defs.jobs or []}
    return {
        name: {
            "count": len(job.asset_layer.executable_asset_keys),
            "steps": len(job.nodes),
            "tags": dict(sorted(job.tags.items())),
            "assets": sorted(key.to_user_string() for key in job.asset_layer.executable_asset_keys),
        }
        for name, job in found.items()
    }


def automation(repository: dg.RepositoryDefinition) -> dict[str, dict[str, object]]:
    """What starts by itself: when, which job, and whether it is on without anybody switching it on."""
    return {
        "schedules": {
            schedule.name: {
                "cron": schedule.cron_schedule,
                "zone": schedule.execution_timezone,
                "job": schedule.job_name,
                "default": schedule.default_status.value,
                "tags": dict(sorted(schedule.tags.items())),
            }
            for schedule in repository.schedule_defs
        },
        "sensors": {
            sensor.name: {
                "kind": sensor.sensor_type.value,
                "jobs": sorted(target.job_name for target in sensor.targets if target.job_name),
                "default": sensor.default_status.value,
                "seconds": sensor.minimum_interval_seconds,
            }
            for sensor in repository.sensor_defs
        },
    }


def written(sections: Mapping[str, Mapping[str, object]]) -> str:
    """One line per asset, check, job, schedule and sensor, sorted, so that a change reads well in a diff."""
    lines = [
        line
        for title, facts in sections.items()
        for line in (f"# {title}", *(f"{name} {json.dumps(facts[name])}" for name in sorted(facts)), "")
    ]
    return "\n".join(lines)


def test_the_graph_is_the_one_on_record(defs: dg.Definitions) -> None:
    """What is in the graph, what a job makes and what starts by itself changes only on purpose."""
    now = written(graph(defs))
    if os.environ.get("LIFECYCLE_UPDATE_GRAPH"):
        SNAPSHOT.write_text(now)
    assert now == SNAPSHOT.read_text(), f"the graph changed; if that is meant, run: {UPDATE}"


def test_every_asset_says_what_and_whose_it_is(defs: dg.Definitions) -> None:
    """No asset without description, owner, group and kinds: the graph explains itself in the UI."""
    mute = [
        spec.key.to_user_string()
        for spec in defs.resolve_all_asset_specs()
        if not (spec.description and spec.owners and spec.group_name and spec.kinds)
    ]
    assert mute == []


def test_what_starts_by_itself_says_what_it_does(defs: dg.Definitions) -> None:
    """Whoever switches a schedule or sensor on can read what it will do."""
    repository = defs.get_repository_def()
    assert [one.name for one in (*repository.schedule_defs, *repository.sensor_defs) if not one.description] == []


def test_every_job_has_a_description(defs: dg.Definitions) -> None:
    """Whoever launches a job from the UI can read what it does."""
    assert [job.name for job in defs.jobs or [] if not defs.resolve_job_def(job.name).description] == []


def test_definitions_load_without_network_and_manifest(tmp_path: Path) -> None:
    """A clean checkout without a connection loads its definitions; dbt's manifest is made on the way."""
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    (checkout / "dbt_project").mkdir()
    for path in (ROOT / "dbt_project").iterdir():
        if path.name not in ("target", "logs"):
            (checkout / "dbt_project" / path.name).symlink_to(path)
    script = "import orchestration.resources as r; from pathlib import Path\n"
    script += f"r.DBT_FOLDER = Path({str(checkout / 'dbt_project')!r})\n" + LOAD_WITHOUT_NETWORK
    environment = os.environ | {"LIFECYCLE_COMPANY": "sample", "LIFECYCLE_STATE_DIR": str(tmp_path / "state")}
    result = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert int(result.stdout.split()[-1]) > 50
    assert (checkout / "dbt_project" / "target" / "manifest.json").exists()
