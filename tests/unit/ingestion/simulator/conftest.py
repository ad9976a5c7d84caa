from pathlib import Path

import pytest

from ingestion.simulator.block import Block, World, make_block
from ingestion.simulator.lead_oracle import LeadOracle
from ingestion.simulator.parameters import PARAMETERS
from ingestion.simulator.run import simulate
from ingestion.simulator.settings import SimulatorSettings
from ingestion.simulator.timeline import timeline


@pytest.fixture(scope="session")
def world() -> World:
    """What the blocks of a small company share."""
    settings = SimulatorSettings(seed=7)
    return World(7, PARAMETERS, timeline(settings, PARAMETERS.inflow), LeadOracle(PARAMETERS.lead))


@pytest.fixture(scope="session")
def clean(world: World) -> Block:
    """One block without faults."""
    return make_block(world, 0, 150)


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Source and truth folder of a small messy company."""
    home = tmp_path_factory.mktemp("company")
    simulate(SimulatorSettings(seed=7, accounts=150, messiness=0.05), home / "source", home / "truth")
    return home / "source", home / "truth"
