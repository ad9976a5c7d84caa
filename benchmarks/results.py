"""`make results`: run every benchmark and every company, and write the pages under `docs/results`, losses included.

Each benchmark runs in a process of its own and writes its page; the index is put together from the pages' first lines.
Belongs here: which benchmarks there are and in which order. Does not belong here: any figure.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import companies
from benchmarks.pages import INDEX, RESULTS, ROOT

# Module -> the pages it writes; what answers "is it right?" comes before "is it fast?".
BENCHMARKS = {
    "known_truth": ("known_truth",),
    "gates": ("gates",),
    "tabular": ("tabular", "leakage_ladder", "tuning"),
    "forecasting": ("forecasting",),
    "revenue": ("revenue",),
    "clv": ("clv",),
    "point_in_time": ("point_in_time",),
    "online": ("online",),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is named (default: all); returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=f"companies, {', '.join(BENCHMARKS)}; nothing: all")
    parser.add_argument("--data", type=Path, help="folder of the public data sets; default: the setting for companies")
    parser.add_argument("--index", action="store_true", help="only put the index together again")
    chosen = parser.parse_args(arguments)
    names = [] if chosen.index else chosen.names or ["companies", *BENCHMARKS]
    for name in names:
        print(f"{name} ...", flush=True)
        if name == "companies":
            companies.main([])
        else:
            _run(name, chosen.data or _data_folder())
    write_index()
    return 0


def _run(name: str, data: Path) -> None:
    """Run one benchmark; its page is written by itself.

    Raises:
        subprocess.CalledProcessError: it failed; its output was printed.
    """
    command = [sys.executable, "-m", f"benchmarks.{name}", "--write", "--data", str(data)]
    subprocess.run(command, cwd=ROOT, env=os.environ, check=True)  # noqa: S603 - our own module


def _data_folder() -> Path:
    from orchestration.resources import deployment_from_environment

    return Path(deployment_from_environment("sample").data_folder)


def write_index(folder: Path = RESULTS) -> None:
    """Put the index together: each page's title and outcome, then the table of all companies."""
    lines = ["# Results", "", "Written by `make results`; each page names its command, seed and time.", ""]
    for pages in BENCHMARKS.values():
        lines += [_entry(folder / f"{page}.md") for page in pages if (folder / f"{page}.md").exists()]
    table = (folder / companies.TABLE).read_text(encoding="utf-8")
    (folder / INDEX).write_text("\n".join(lines) + f"\n\n## Companies\n\n{table}", encoding="utf-8")


def _entry(page: Path) -> str:
    title, outcome = page.read_text(encoding="utf-8").split("\n\n", 2)[:2]
    return f"- [{title.removeprefix('# ')}]({page.name}): {' '.join(outcome.split())}"


if __name__ == "__main__":
    sys.exit(main())
