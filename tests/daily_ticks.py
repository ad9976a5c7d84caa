"""A company that runs by itself, its days played back to back: real evaluations of schedules and sensors, real runs.

The runs that a tick asks for are executed in this process, one after the other.
Belongs here: the clock, the ticks and the runs. Does not belong here: what is delivered (`tests.growing_company`), what
should be true afterwards.
"""

import contextlib
import io
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import dagster as dg
from dagster_dbt import DbtCliInvocation

from orchestration.build import build_defs
from orchestration.deployment.instance import point_dagster_at
from orchestration.resources import Deployment
from orchestration.sensors import landing
from orchestration.transformations.lean_dbt import LeanDbt, dbt_resource

SILENT = {"telemetry": {"enabled": False}}
RANGE = "dagster/asset_partition_range"


@dataclass(frozen=True)
class Tick:
    """One evaluation and what became of its run.

    Attributes:
        milliseconds: of the evaluation alone, in CPU time.
        outcome: `success`, `failure`, or why nothing was asked for.
        months: the partitions that the run covers.
        seconds: CPU time of the run and of what it started.
    """

    at: datetime
    trigger: str
    milliseconds: float
    outcome: str
    months: str = ""
    seconds: float = 0.0


@dataclass
class Days:
    """A deployment with its definitions and a Dagster instance, and all ticks so far."""

    deployment: Deployment
    instance: dg.DagsterInstance
    repository: dg.RepositoryDefinition
    ticks: list[Tick] = field(default_factory=list)
    cursor: str | None = None

    def morning(self, day: date) -> bool:
        """The daily schedule's tick and, if its run succeeds, the sensor's that follows; whether both did."""
        at = self.local(day, 5)
        refreshed = self._scheduled("daily_refresh", at)
        return refreshed is not None and self.follow(refreshed, at)

    def training(self, day: date) -> bool:
        """The weekly schedule's tick."""
        run = self._scheduled("weekly_training", self.local(day, 6))
        return run is not None and run.is_success

    def look(self, at: datetime) -> dg.DagsterRun | None:
        """Two ticks of the sensor over the folder, a quiet time apart; the run that they asked for."""
        run = None
        for moment in (at, at + timedelta(seconds=self.deployment.company.automation.quiet_seconds)):
            with mock.patch.object(landing.time, "time", moment.timestamp):
                found = self._evaluated("new_files", moment)
            self.cursor = found.cursor or self.cursor
            for request in found.run_requests or []:
                run = self._run("new_files", moment, "refresh_features", dict(request.tags))
        return run

    def _evaluated(self, name: str, at: datetime) -> dg.SensorResult:
        sensor, started = self.repository.get_sensor_def(name), time.process_time()
        with dg.build_sensor_context(instance=self.instance, cursor=self.cursor) as context:
            found = sensor(context)
        milliseconds = 1000 * (time.process_time() - started)
        assert isinstance(found, dg.SensorResult), found
        said = "asks for a run" if found.run_requests else str(found.skip_reason and found.skip_reason.skip_message)
        self.ticks.append(Tick(at, name, milliseconds, said))
        return found

    def follow(self, refreshed: dg.DagsterRun, at: datetime) -> bool:
        """The tick of the sensor on successful refreshes, and its run."""
        if not refreshed.is_success:
            return False
        event = next(
            record.dagster_event for record in self.instance.all_logs(refreshed.run_id) if record.is_dagster_event
        )
        sensor, started = self.repository.get_sensor_def("score_after_refresh"), time.process_time()
        context = dg.build_run_status_sensor_context(sensor.name, event, self.instance, refreshed)
        request = sensor(context)
        milliseconds = 1000 * (time.process_time() - started)
        assert isinstance(request, dg.RunRequest), request
        run = self._run(sensor.name, at, "score_and_publish", request.tags, request.partition_key, milliseconds)
        return run.is_success

    def _scheduled(self, name: str, at: datetime) -> dg.DagsterRun | None:
        schedule, started = self.repository.get_schedule_def(name), time.process_time()
        with dg.build_schedule_context(
            instance=self.instance, scheduled_execution_time=at, repository_def=self.repository
        ) as context:
            data = schedule.evaluate_tick(context)
        milliseconds = 1000 * (time.process_time() - started)
        if not data.run_requests:
            self.ticks.append(Tick(at, name, milliseconds, data.skip_message or ""))
            return None
        return self._run(name, at, schedule.job_name, dict(data.run_requests[0].tags), None, milliseconds)

    def _run(
        self,
        trigger: str,
        at: datetime,
        job: str,
        tags: Mapping[str, str],
        partition: str | None = None,
        milliseconds: float = 0.0,
    ) -> dg.DagsterRun:
        run, seconds = self.execute(job, tags, partition)
        months = partition or " to ".join(
            value for name, value in sorted(tags.items(), reverse=True) if "range" in name
        )
        outcome = "success" if run.is_success else "failure"
        self.ticks.append(Tick(at, trigger, milliseconds, f"{job}: {outcome}", months, seconds))
        return run

    def must(self, job: str, tags: Mapping[str, str], assets: Sequence[str] = ()) -> None:
        """Run a job, or only some of its assets, that nobody asked for, such as a first training; it has to succeed."""
        run, _ = self.execute(job, tags, assets=assets)
        assert run.is_success, job

    def execute(
        self, job: str, tags: Mapping[str, str], partition: str | None = None, assets: Sequence[str] = ()
    ) -> tuple[dg.DagsterRun, float]:
        """Run a job here; returns its record and its CPU seconds."""
        started = _cpu()
        kept = {name: value for name, value in tags.items() if name.startswith(RANGE)}
        selected = [dg.AssetKey(asset.split("/")) for asset in assets] or None
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            result = self.repository.get_job(job).execute_in_process(
                instance=self.instance,
                tags=kept,
                partition_key=partition,
                asset_selection=selected,
                raise_on_error=False,
            )
        run = self.instance.get_run_by_id(result.run_id)
        assert run is not None
        return run, _cpu() - started

    def local(self, day: date, hour: int) -> datetime:
        """An hour of a day of the company."""
        return datetime(day.year, day.month, day.day, hour, tzinfo=self.deployment.company.zone)


class UntestedDbt(LeanDbt):
    """Builds the tables without dbt's tests of them, which are half of what a build costs."""

    def cli(self, args: Sequence[str], **more: Any) -> DbtCliInvocation:  # noqa: ANN401 - the parent's own
        return super().cli([*args, "--exclude-resource-type", "test"], **more)


@contextlib.contextmanager
def days_of(deployment: Deployment, folder: Path, dbt: type[LeanDbt] = LeanDbt) -> Iterator[Days]:
    """A fresh Dagster instance below `folder`, and the deployment's definitions."""
    point_dagster_at(deployment)
    folder.mkdir(parents=True, exist_ok=True)
    with dg.DagsterInstance.local_temp(str(folder), overrides=SILENT) as instance:
        resource = dbt(**dict(dbt_resource()))
        yield Days(deployment, instance, build_defs(deployment, {"dbt": resource}).get_repository_def())


def _cpu() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system
