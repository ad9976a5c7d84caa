import re
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from companies.mapping import SourceFile
from companies.settings import load
from ingestion.contract import TABLES
from ingestion.simulator.settings import SimulatorSettings
from tests.conftest import REPOSITORY

TRUTH_COLUMNS = {
    "p_convert",
    "p_convert_90d",
    "p_convert_90d_profile",
    "interest",
    "p_win",
    "p_churn_30d",
    "p_churn_60d",
    "p_churn_90d",
    "health",
    "rule",
}


def test_source_files_hold_contract_columns_only(folders: tuple[Path, Path]) -> None:
    """Every column of a source file is one of the contract's or `modified_at`; no column of the truth is among them."""
    for path in folders[0].glob("*.parquet"):
        table = TABLES[path.name.rsplit("-", 1)[0]]
        columns = set(pq.read_schema(path).names)
        assert columns <= {column.name for column in table.columns} | {"modified_at"}
        assert not columns & TRUTH_COLUMNS


def test_truth_columns_are_the_ones_guarded(folders: tuple[Path, Path]) -> None:
    """The list of guarded columns names every column of the truth that is not a key or a day."""
    found = {name for path in folders[1].glob("*.parquet") for name in pq.read_schema(path).names}
    keys = {"lead_id", "deal_id", "account_id", "as_of", "age_days", "table_name", "row_key"}
    assert found - keys == TRUTH_COLUMNS


@pytest.mark.parametrize("path", ["../truth/lead_truth-00000.parquet", "/var/truth/lead_truth.parquet"])
def test_mapping_cannot_leave_the_source_folder(path: str) -> None:
    """A mapping that points outside the source folder, where the truth lies, is refused."""
    with pytest.raises(ValidationError, match="stay inside the source folder"):
        SourceFile(path=path)


def test_nothing_of_the_pipeline_knows_the_futures() -> None:
    """What is yet to come, and the true outlook of deals, are imported by no package but the simulator itself."""
    secret = re.compile(r"simulator\.(futures|deal_outlook|coming_customers)|simulator import .*(futures|deal_outlook)")
    packages = ("companies", "feature_definitions", "ingestion", "ml", "orchestration")
    paths = [path for package in packages for path in (REPOSITORY / package).rglob("*.py")]
    found = {path.name for path in paths if secret.search(path.read_text(encoding="utf-8"))}
    assert len(paths) > 100
    assert found == {"futures.py"}  # which imports `coming_customers`


def test_sample_mapping_reads_every_source_table_and_nothing_else(folders: tuple[Path, Path]) -> None:
    """The globs of sample.toml together name exactly the Parquet files of the source folder."""
    files = load("sample").source.files.values()
    addressed = {path for file in files for path in folders[0].glob(file.path)}
    assert addressed == set(folders[0].glob("*.parquet"))


def test_sample_mapping_names_columns_that_exist(folders: tuple[Path, Path]) -> None:
    """Every source column that sample.toml maps is in the table's file, and every file's column is mapped."""
    source = load("sample").source
    for mapping in source.tables:
        mapped = {rule.column for rule in mapping.columns.values()} | {"modified_at"}
        first = next(folders[0].glob(source.files[mapping.file].path))
        assert mapped == set(pq.read_schema(first).names), mapping.table


def test_sample_settings_are_valid() -> None:
    """The simulator accepts the settings of sample.toml, whose period is the company's."""
    company = load("sample")
    settings = SimulatorSettings.model_validate(company.source.simulator)
    assert settings.starts_on == company.history_starts_on
    assert settings.accounts == 1200


def test_no_fault_names_a_row_that_is_not_there(folders: tuple[Path, Path]) -> None:
    """Every injected fault is listed with the key of a source row."""
    source, truth = folders
    con = duckdb.connect()
    faults = con.execute(f"select distinct table_name from '{truth}/injected_faults-*.parquet'").fetchall()
    for (name,) in faults:
        key = TABLES[name].key
        missing = con.execute(
            f"select count(*) from '{truth}/injected_faults-*.parquet' where table_name = '{name}' "
            f"and row_key not in (select {key} from '{source}/{name}-*.parquet' where {key} is not null)"
        ).fetchall()
        assert missing[0][0] == 0, name
