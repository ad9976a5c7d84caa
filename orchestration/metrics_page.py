"""`docs/metrics.md`: every metric with its definition, written from dbt's YAML, and the record of their versions.

Belongs here: the page's text, and reading back which meaning each version had. Does not belong here: values
(`orchestration.metrics_report`).
"""

import re
import sys
from collections.abc import Mapping, Sequence

from orchestration.metric_layer import Definition, MetricLayer
from orchestration.resources import ROOT

PAGE = ROOT / "docs" / "metrics.md"
OPENING = """# Metrics

Every metric is defined once, in [dbt_project/models/metrics](../dbt_project/models/metrics), and computed from that
definition wherever it appears: MetricFlow writes the SQL behind `metrics.metric_values`, and the marts that show a
metric as a column render the same formula. `make metrics` prints them with their newest values; `mf query` asks for any
cut:

```sh
cd dbt_project && export LIFECYCLE_WAREHOUSE=../var/sample/warehouse.duckdb
../.venv/bin/mf query --metrics churn_rate --group-by metric_time__month,account_month__region --limit 12
```

A definition that changes its meaning gets a new version, which a test holds against this page; `make diff-definition`
shows what a changed setting does to metrics, churn labels and marts. `make metrics-page` writes this page.
"""
RECORD = re.compile(r"^## (\w+)$.*?^version (\d+), meaning `(\w+)`", re.MULTILINE | re.DOTALL)


def text(definitions: Sequence[Definition]) -> str:
    """The page, one section per metric."""
    return "\n".join([OPENING, *(_section(one) for one in definitions)])


def versions_on_record(page: str) -> Mapping[str, tuple[int, str]]:
    """Metric to the version and fingerprint that the page states."""
    return {name: (int(version), meaning) for name, version, meaning in RECORD.findall(page)}


def changed_without_a_version(definitions: Sequence[Definition], page: str) -> list[str]:
    """The metrics whose meaning is not the one on record although their version is."""
    record = versions_on_record(page)
    return [
        one.name
        for one in definitions
        if one.name in record and record[one.name][0] == one.version and record[one.name][1] != one.fingerprint
    ]


def _section(one: Definition) -> str:
    dimensions = ", ".join(f"`{name.split('__')[-1]}`" for name in (*one.by, *one.dimensions)) or "none"
    return (
        f"## {one.name}\n{one.label}: {one.description}\n\n"
        f"- formula: `{one.formula}`\n"
        f"- grain: {one.grain}; dimensions: {dimensions}; unit: {one.unit}\n"
        f"- caveat: {one.caveat}\n"
        f"- owner: {one.owner}\n\n"
        f"version {one.version}, meaning `{one.fingerprint}`\n"
    )


def main() -> int:
    """Write the page; refuses while a meaning changed without a new version."""
    definitions = MetricLayer().definitions
    changed = changed_without_a_version(definitions, PAGE.read_text(encoding="utf-8")) if PAGE.exists() else []
    if changed:
        sys.stderr.write(
            f"Raise the version of {', '.join(changed)} in dbt_project/models/metrics: the meaning changed.\n"
        )
        return 1
    PAGE.write_text(text(definitions), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
