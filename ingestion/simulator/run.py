"""Make the simulated company: its source folder for the pipeline, its truth folder for the tests.

Belongs here: the run over all blocks, and the refusal to mix truth with source. Does not belong here: drawing.
"""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ingestion.simulator.block import World, block_sizes, make_block, world_of
from ingestion.simulator.faults import with_faults
from ingestion.simulator.parameters import PARAMETERS
from ingestion.simulator.part_files import PartWriter, fresh, publish, read_manifest, write_manifest
from ingestion.simulator.settings import VERSION, SimulatorSettings
from ingestion.simulator.spend import spend_table
from ingestion.simulator.timeline import Purpose, stream

Progress = Callable[[str], None]
SPEND_PURPOSE: Purpose = "contracts"
SPEND_BLOCK = 2**31  # far from every block of accounts


class SimulatorError(ValueError):
    """The folders given would let the pipeline read the truth."""


@dataclass(frozen=True)
class SimulationReport:
    """What a run did.

    Attributes:
        written: False when the folders held the same company already.
        source_rows, truth_rows: rows by table.
    """

    written: bool
    fingerprint: str
    source_rows: dict[str, int]
    truth_rows: dict[str, int]
    seconds: float


def _silent(_message: str) -> None:
    """Report nothing."""


def simulate(
    settings: SimulatorSettings, source_folder: Path, truth_folder: Path, progress: Progress = _silent
) -> SimulationReport:
    """Write the company into the two folders, unless they hold it already.

    Args:
        progress: called with a sentence now and then.

    Raises:
        SimulatorError: one folder lies within the other.
    """
    _keep_apart(source_folder, truth_folder)
    begun = time.perf_counter()
    known = _same_company(settings, source_folder, truth_folder)
    if known is not None:
        progress(f"{source_folder.name}: unchanged, nothing written")
        return SimulationReport(False, settings.fingerprint, *known, seconds=time.perf_counter() - begun)
    source, truth = fresh(source_folder), fresh(truth_folder)
    source_rows, truth_rows = _write(settings, source, truth, progress)
    manifest = {"fingerprint": settings.fingerprint, "version": VERSION, "settings": settings.model_dump(mode="json")}
    write_manifest(truth, {**manifest, "rows": truth_rows})
    write_manifest(source, {**manifest, "rows": source_rows})
    publish(truth, truth_folder)
    publish(source, source_folder)
    seconds = time.perf_counter() - begun
    return SimulationReport(True, settings.fingerprint, source_rows, truth_rows, seconds)


def _keep_apart(source_folder: Path, truth_folder: Path) -> None:
    """Refuse folders of which one contains the other."""
    source, truth = source_folder.resolve(), truth_folder.resolve()
    if source == truth or source in truth.parents or truth in source.parents:
        msg = f"truth folder '{truth_folder}' and source folder '{source_folder}' overlap; choose two that do not"
        raise SimulatorError(msg)


def _same_company(
    settings: SimulatorSettings, source_folder: Path, truth_folder: Path
) -> tuple[dict[str, int], dict[str, int]] | None:
    """Rows by table of both folders, if both were finished with these settings."""
    rows: list[dict[str, int]] = []
    for folder in (source_folder, truth_folder):
        manifest = read_manifest(folder)
        counted = manifest.get("rows") if manifest else None
        if manifest is None or manifest.get("fingerprint") != settings.fingerprint or not isinstance(counted, dict):
            return None
        rows.append(counted)
    return rows[0], rows[1]


def _write(
    settings: SimulatorSettings, source: Path, truth: Path, progress: Progress
) -> tuple[dict[str, int], dict[str, int]]:
    """Write every block; rows by table of source and truth."""
    world, done = world_of(settings), 0
    calendar, sizes = world.calendar, block_sizes(settings)
    with PartWriter(source) as sources, PartWriter(truth) as truths:
        for number, accounts in enumerate(sizes):
            _write_block(settings, world, number, accounts, sources, truths)
            done += accounts
            if (number + 1) % 25 == 0 or done == settings.accounts:
                progress(f"{done} of {settings.accounts} accounts")
        rng = stream(settings.seed, SPEND_BLOCK, SPEND_PURPOSE)
        sources.write("marketing_spend", spend_table(PARAMETERS.lead, calendar, settings.accounts, rng), 0)
    content = {
        "parameters": asdict(PARAMETERS),
        "settings": settings.model_dump(mode="json"),
        "lead_share_by_month": np.bincount(calendar.month_of_day, weights=calendar.inflow).tolist(),
    }
    (truth / "parameters.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return sources.rows, truths.rows


def _write_block(
    settings: SimulatorSettings, world: World, number: int, accounts: int, sources: PartWriter, truths: PartWriter
) -> None:
    """Draw one block, mess it up and append it to the files."""
    block = make_block(world, number, accounts)
    rng = stream(settings.seed, number, "faults")
    messy, faults = with_faults(block.source, world.calendar, settings.messiness, rng)
    for name, table in messy.items():
        sources.write(name, table, number)
    for name, table in {**block.truth, "injected_faults": faults}.items():
        truths.write(name, table, number)
