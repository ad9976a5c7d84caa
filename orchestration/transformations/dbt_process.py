"""dbt in a process of its own, with the project as it was parsed for the graph.

Started as a file: `python -P dbt_process.py PARSED FORMAT COMMAND ...`. PARSED is what dbt wrote beside the manifest
(`partial_parse.msgpack`; `orchestration.transformations.manifest` keeps it up to date): dbt itself would parse the
project anew for every warehouse file, because the file's path is among what it compares. FORMAT is `text` for a person
or `json` for Dagster: dbt's own JSON logger renders every debug message, also those it does not print, for a sixth of a
build's time. Belongs here: starting dbt with these two. Does not belong here: what dbt is asked to do, and imports of
ours, so that the process loads dbt only.
"""

import json
import sys
from pathlib import Path

from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest
from dbt_common.events.base_types import EventLevel, EventMsg
from dbt_common.events.functions import msg_to_dict

SUCCEEDED, FAILED, BROKE = 0, 1, 2  # dbt's own exit codes
SHOWN = {EventLevel.INFO.value, EventLevel.WARN.value, EventLevel.ERROR.value}


def main(parsed: str, log_format: str, *arguments: str) -> int:
    """Run dbt; returns the exit code that its command line would give."""
    manifest = Manifest.from_msgpack(Path(parsed).read_bytes())
    manifest.build_flat_graph()  # type: ignore[no-untyped-call]  # dbt's own
    if log_format == "json":
        runner = dbtRunner(manifest=manifest, callbacks=[_print_event])
        arguments = ("--log-format", "text", "--log-level", "none", *arguments)
    else:
        runner = dbtRunner(manifest=manifest)
    outcome = runner.invoke(list(arguments))
    if outcome.success:
        return SUCCEEDED
    if outcome.exception is None:
        return FAILED
    sys.stderr.write(f"{outcome.exception}\n")
    return BROKE


def _print_event(event: EventMsg) -> None:
    """The line that dbt's JSON logger would print."""
    if event.info.level in SHOWN:
        sys.stdout.write(json.dumps(msg_to_dict(event)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
