"""`docs/metrics.md`: every metric with its definition, written from dbt's YAML, and the record of their versions.

Belongs here: the page's text. Does not belong here: values (`orchestration.metrics.metrics_report`), or reading the
record back (`orchestration.tables.version_record`).
"""

import sys
from collections.abc import Sequence

from orchestration.metrics.metric_layer import Definition, MetricLayer
from orchestration.resources import ROOT
from orchestration.tables import version_record
from orchestration.tables.version_record import stated

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


def text(definitions: Sequence[Definition]) -> str:
    """The page, one section per metric."""
    return "\n".join([OPENING, *(_section(one) for one in definitions)])


def _section(one: Definition) -> str:
    dimensions = ", ".join(f"`{name.split('__')[-1]}`" for name in (*one.by, *one.dimensions)) or "none"
    return (
        f"## {one.name}\n{one.label}: {one.description}\n\n"
        f"- formula: `{one.formula}`\n"
        f"- grain: {one.grain}; dimensions: {dimensions}; unit: {one.unit}\n"
        f"- caveat: {one.caveat}\n"
        f"- owner: {one.owner}\n\n"
        f"{stated(one)}"
    )


def main() -> int:
    """Write the page; refuses while a meaning changed without a new version."""
    definitions = MetricLayer().definitions
    return version_record.write(PAGE, definitions, text(definitions), kept_in="dbt_project/models/metrics")


if __name__ == "__main__":
    sys.exit(main())
