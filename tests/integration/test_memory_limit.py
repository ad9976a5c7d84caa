from pathlib import Path

import duckdb
import pytest

from orchestration.transformations.dbt_command import run_dbt
from tests import factories

pytestmark = pytest.mark.slow  # two million rows

MANY_ROWS = """
    insert into raw.product_usage by name
    select 'u' || i as usage_id, 'a' || (i % 5000) as account_id,
        date '2023-01-01' + cast(i % 700 as integer) as used_on,
        1 as events, 'test' as source, timestamp '2023-01-01' + to_seconds(i) as known_at,
        timestamp '2025-01-01' as loaded_at, md5(cast(i as varchar)) as row_hash, 'usage.csv' as source_file,
        i as source_row
    from range(2000000) t(i)
"""


def test_build_goes_on_beyond_its_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not fit into the memory limit goes to disk, and the queries after that find their settings."""
    warehouse = factories.raw_warehouse(tmp_path / "warehouse.duckdb")
    with duckdb.connect(str(warehouse)) as con:
        con.execute(MANY_ROWS)
    monkeypatch.setenv("LIFECYCLE_MEMORY_LIMIT", "150MB")
    selected = ("+int_business_events", "int_observation_window", "int_month_spine")
    run_dbt("run", "--select", *selected, warehouse=warehouse, target=tmp_path / "target")
    with duckdb.connect(str(warehouse)) as con:
        counted = "select sum(rows_count) from intermediate.int_business_events where table_name = 'product_usage'"
        assert con.execute(counted).fetchall() == [(2_000_000,)]
