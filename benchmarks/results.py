"""`make results`: run every benchmark and every company, and write the pages under `docs/results`, losses included.

Each benchmark runs in a process of its own and writes its page; the index is put together from the pages' first lines.
Belongs here: which benchmarks there are and in which order. Does not belong here: any figure.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import companies
from benchmarks.pages import INDEX, RESULTS, ROOT
from orchestration.resources import deployment_from_environment


@dataclass(frozen=True)
class Benchmark:
    """A benchmark's module and pages.

    Attributes:
        reads: what it is given: `data` (folder of the public data sets), `warehouse` (the sample company's).
    """

    module: str
    pages: tuple[str, ...]
    reads: tuple[str, ...] = ()


# What answers "is it right?" comes before "is it fast?".
BENCHMARKS = (
    Benchmark("known_truth", ("known_truth",)),
    Benchmark("gate_power", ("gate_power",)),
    Benchmark("gates", ("gates",)),
    Benchmark("tabular", ("tabular", "leakage_ladder"), ("data", "warehouse")),
    Benchmark("tuning", ("tuning",), ("data", "warehouse")),
    Benchmark("forecasting", ("forecasting",), ("data",)),
    Benchmark("revenue", ("revenue",)),
    Benchmark("clv", ("clv",), ("data",)),
    Benchmark("point_in_time", ("point_in_time",)),
    Benchmark("online", ("online",)),
    Benchmark("kills", ("kills",)),
    Benchmark("server_kills", ("server_kills",)),
    Benchmark("week_of_ticks", ("week_of_ticks",)),
    Benchmark("start_up", ("start_up",)),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is named (default: all); returns the exit code."""
    known = {one.module: one for one in BENCHMARKS}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=f"companies, {', '.join(known)}; nothing: all")
    parser.add_argument("--data", type=Path, help="folder of the public data sets; default: the setting for companies")
    parser.add_argument("--index", action="store_true", help="only put the index together again")
    chosen = parser.parse_args(arguments)
    names = [] if chosen.index else chosen.names or ["companies", *known]
    for name in names:
        print(f"{name} ...", flush=True)
        if name == "companies":
            companies.main([])
        else:
            _run(known[name], chosen.data)
    write_index()
    return 0


def _run(benchmark: Benchmark, data: Path | None) -> None:
    """Run one benchmark; it writes its pages itself.

    Raises:
        subprocess.CalledProcessError: it failed; its output was printed.
    """
    sample = deployment_from_environment("sample")
    given = {"data": data or Path(sample.data_folder), "warehouse": sample.warehouse_path}
    options = [word for name in benchmark.reads if given[name].exists() for word in (f"--{name}", str(given[name]))]
    command = [sys.executable, "-m", f"benchmarks.{benchmark.module}", "--write", *options]
    subprocess.run(command, cwd=ROOT, env=os.environ, check=True)  # noqa: S603 - our own module


def write_index(folder: Path = RESULTS) -> None:
    """Put the index together: each page's title and outcome, then the table of all companies."""
    lines = ["# Results", "", "Written by `make results`; each page names its command, seed and time.", ""]
    pages = [folder / f"{page}.md" for one in BENCHMARKS for page in one.pages]
    lines += [_entry(page) for page in pages if page.exists()]
    table = (folder / companies.TABLE).read_text(encoding="utf-8")
    (folder / INDEX).write_text("\n".join(lines) + f"\n\n## Companies\n\n{table}", encoding="utf-8")


def _entry(page: Path) -> str:
    title, outcome = page.read_text(encoding="utf-8").split("\n\n", 2)[:2]
    return f"- [{title.removeprefix('# ')}]({page.name}): {' '.join(outcome.split())}"


if __name__ == "__main__":
    sys.exit(main())
