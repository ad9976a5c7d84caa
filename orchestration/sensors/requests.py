"""Asking for a run once per evidence, from a sensor that looks at a state instead of events.

Belongs here: the run request that is not repeated while its run is queued or under way, and is repeated where the run
failed, so that a killed run mends itself. Does not belong here: what counts as evidence.
"""

import hashlib
from collections.abc import Sequence

import dagster as dg

from orchestration.runs.dead_runs import COMPANY_TAG

ASKED_FOR = "customer_lifecycle/asked_for"


def once(
    instance: dg.DagsterInstance,
    job: str,
    company: str,
    evidence: Sequence[str],
    *,
    tries: int = 3,
    partition_key: str | None = None,
) -> dg.RunRequest | dg.SkipReason:
    """A request for a run because of `evidence`, unless one is under way or so many have failed."""
    name = hashlib.sha256("\n".join(sorted(evidence)).encode()).hexdigest()[:16]
    runs = instance.get_runs(dg.RunsFilter(job_name=job, tags={COMPANY_TAG: company, ASKED_FOR: name}))
    if runs and not runs[0].is_finished:
        return dg.SkipReason(f"{job} is under way for it: run {runs[0].run_id}.")
    failed = [run for run in runs if run.is_failure_or_canceled]
    if len(failed) >= tries:
        return dg.SkipReason(f"{job} failed {len(failed)} times for it, last as run {failed[0].run_id}: {evidence[0]}")
    key = f"{name}-{runs[0].run_id[:8] if runs else 'first'}"
    return dg.RunRequest(run_key=key, partition_key=partition_key, tags={ASKED_FOR: name})
