"""Pages of results: how a benchmark's outcome becomes `docs/results/<name>.md`, and the index of all pages.

Every page opens with its title, one sentence of what came out (losses included), the command, the seed and the time it
took; tables and remarks follow. Belongs here: that form. Does not belong here: any benchmark's own figures.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "docs" / "results"
INDEX = "README.md"


@dataclass(frozen=True)
class Page:
    """What one benchmark has to say.

    Attributes:
        name: of the file, without `.md`.
        outcome: one sentence (or two) that a reader needs who reads nothing else; a loss is named as a loss.
        command: what was run, as a person would type it.
        blocks: Markdown paragraphs and tables, in order; an anchor stands beside its source.
    """

    name: str
    title: str
    outcome: str
    command: str
    seed: int | None
    seconds: float
    blocks: Sequence[str]

    def text(self) -> str:
        """The page as Markdown."""
        seed = "no random numbers" if self.seed is None else f"seed {self.seed}"
        head = f"# {self.title}\n\n{self.outcome}\n\n`{self.command}` ({seed}, {duration(self.seconds)} on two cores)"
        return "\n\n".join([head, *(block.strip() for block in self.blocks)]) + "\n"

    def write(self, folder: Path = RESULTS) -> Path:
        """Write the page; returns where."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.name}.md"
        path.write_text(self.text(), encoding="utf-8")
        return path


def table(frame: pd.DataFrame, digits: int = 3) -> str:
    """A frame as a Markdown table, without its index; floats to so many digits behind the point."""
    return str(frame.to_markdown(index=False, floatfmt=f".{digits}f"))


def with_interval(value: float, lower: float, upper: float, digits: int = 3) -> str:
    """A figure with its 95 % interval: `0.819 [0.771, 0.861]`."""
    return f"{value:.{digits}f} [{lower:.{digits}f}, {upper:.{digits}f}]"


def duration(seconds: float) -> str:
    """Seconds as a person says them."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
