"""`make diff-definition SETTING=windows.grace_days TO=30 [FROM=0]`: what another definition would do to the figures.

Belongs here: building the marts of a copy of the warehouse under each definition, and comparing metrics and labels.
Nothing of the company's own state changes. Does not belong here: the comparison of tables
(`orchestration.reports.warehouse_diff`) and the labels (`ml.labels`).
"""

import argparse
import sys
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import duckdb
import numpy as np
import pandas as pd
from pydantic import BaseModel, ValidationError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from companies.settings import Company, CompanyError
from ingestion.control import write_settings
from ingestion.sql_text import literal
from orchestration.learning import frames
from orchestration.metrics import metric_values
from orchestration.metrics.metric_layer import ALL, MetricLayer
from orchestration.metrics.metrics_report import as_text
from orchestration.reports import warehouse_diff
from orchestration.resources import Deployment, deployment_from_environment
from orchestration.runs.exclusive import AnotherRunError, only_run
from orchestration.runs.progress import wide_console
from orchestration.transformations.dbt_command import DbtError, run_dbt

Model = TypeVar("Model", bound=BaseModel)
FACT_SCHEMAS = ("raw", "control", "quarantine")
MARTS_ONLY = ("build", "--exclude", "path:models/features", "resource_type:test", "resource_type:unit_test")
MONTHS_SHOWN = 12
# The metric that the definition of a customer's end decides.
CHURN_RATE = "churn_rate"
# When a table was built says nothing of a definition.
CLOCKS_OF_A_BUILD = ("first_seen", "last_seen", "resolved_at", "scored_at", "scored_on")
# Parts of the settings that decide about rows before they are landed.
AT_LANDING = ("source",)


@dataclass(frozen=True)
class Side:
    """The marts, metrics and labels under one definition.

    Attributes:
        metrics: of the company as a whole, by metric and month; columns value, unit.
        labels: account_id, as_of, churned (0/1): what the churn model would learn.
    """

    company: Company
    warehouse: Path
    metrics: pd.DataFrame
    labels: pd.DataFrame


def main(arguments: Sequence[str] | None = None) -> int:
    """Build both sides, print what differs; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m orchestration.reports.definition_diff", description=__doc__)
    parser.add_argument("setting", help="dotted name as in the company's TOML, for example windows.grace_days")
    parser.add_argument("--to", required=True, help="the other value, as TOML")
    parser.add_argument("--from", dest="base", help="the value to compare with; default: the company's own")
    chosen = parser.parse_args(arguments)
    console = wide_console()
    try:
        deployment = deployment_from_environment()
        old = deployment.company if chosen.base is None else changed(deployment.company, chosen.setting, chosen.base)
        new = changed(deployment.company, chosen.setting, chosen.to)
    except CompanyError as error:
        console.print(escape(str(error)), style="red", highlight=False)
        return 2
    if not deployment.warehouse_path.is_file():
        console.print("Nothing is landed yet; run the company first: make run", style="red")
        return 1
    try:
        # Both sides need the same rows, so that no run may land others in between.
        with (
            only_run(deployment.state, "make diff-definition"),
            tempfile.TemporaryDirectory(dir=deployment.state) as scratch,
        ):
            sides = [build(deployment, company, Path(scratch) / name) for name, company in (("old", old), ("new", new))]
            print_difference(console, chosen.setting, *sides)
    except AnotherRunError as error:
        console.print(escape(str(error)), style="red", highlight=False)
        return 1
    except DbtError as error:
        console.print(escape(f"dbt cannot build the marts of a copy:\n{error}"), style="red", highlight=False)
        return 1
    return 0


def changed(company: Company, setting: str, value: str) -> Company:
    """The company with one setting replaced.

    Raises:
        CompanyError: there is no such setting, it cannot have that value, or it would change nothing here.
    """
    if setting.split(".")[0] in AT_LANDING:
        msg = f"'{setting}' acts when rows are landed; what it does shows in a run of its own (compare-warehouses)"
        raise CompanyError(msg)
    try:
        return _with(company, setting.split("."), tomllib.loads(f"value = {value}")["value"])
    except KeyError as error:
        msg = f"'{setting}' is no setting of a company; write it as in its TOML, for example windows.grace_days"
        raise CompanyError(msg) from error
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        msg = f"{setting} cannot be {value}: {error}"
        raise CompanyError(msg) from error


def _with(part: Model, names: Sequence[str], value: object) -> Model:
    """The settings with the value at the place that `names` lead to; checked again on the way back."""
    first, *rest = names
    settings = dict(part)
    inner = settings[first]
    if rest and isinstance(inner, BaseModel):
        settings[first] = _with(inner, rest, value)
    elif rest and isinstance(inner, dict):
        settings[first] = inner | {".".join(rest): value}
    elif rest:
        raise KeyError(rest[0])
    else:
        settings[first] = value
    return type(part).model_validate(settings)


def build(deployment: Deployment, company: Company, folder: Path) -> Side:
    """Copy the landed rows, write the settings, build the marts and compute metrics and labels."""
    folder.mkdir()
    warehouse = folder / "warehouse.duckdb"
    with duckdb.connect(str(warehouse)) as connection:
        _copy_facts(connection, deployment.warehouse_path)
        write_settings(connection, company)
    run_dbt(*MARTS_ONLY, warehouse=warehouse, target=folder / "target")
    with duckdb.connect(str(warehouse)) as connection:
        metric_values.write(connection, MetricLayer())
        metrics = connection.sql(
            "select metric, month_start, value, unit from metrics.metric_values "  # noqa: S608 - our own constant
            f"inner join metrics.metric_definitions using (metric) where dimension = '{ALL}' and is_complete"
        ).df()
        return Side(company, warehouse, metrics, _labels(connection, company))


def _copy_facts(connection: duckdb.DuckDBPyConnection, source: Path) -> None:
    connection.execute(f"attach {literal(source)} as landed (read_only)")
    tables = connection.execute(
        "select schema_name, table_name from duckdb_tables() where database_name = 'landed' "
        "and list_contains(?, schema_name)",
        [list(FACT_SCHEMAS)],
    ).fetchall()
    for schema, table in tables:
        connection.execute(f"create schema if not exists {schema}")
        connection.execute(f'create table {schema}."{table}" as from landed.{schema}."{table}"')
    connection.execute("detach landed")


def _labels(connection: duckdb.DuckDBPyConnection, company: Company) -> pd.DataFrame:
    """The churn label of every customer and month end."""
    from orchestration.learning import outcomes

    rows = frames.read(
        connection,
        "select distinct account_id, month_end as as_of from marts.fct_customer_spells "
        "cross join intermediate.int_month_spine where is_complete and started_on <= month_end order by 2, 1",
    )
    return outcomes.of_customers(connection, company, rows)


def print_difference(console: Console, setting: str, old: Side, new: Side) -> None:
    """The metrics that changed, the churn rate by month, the labels, the marts."""
    before, after = (setting_of(side.company, setting.split(".")) for side in (old, new))
    console.rule(f"[bold]{escape(setting)}[/bold]: {escape(str(before))} → {escape(str(after))}")
    print_metrics(console, old.metrics, new.metrics)
    _print_churn_rate(console, old.metrics, new.metrics)
    console.print()
    for line in label_lines(old.labels, new.labels):
        console.print(line, highlight=False)
    console.print()
    warehouse_diff.print_diffs(console, warehouse_diff.compare(old.warehouse, new.warehouse, without=CLOCKS_OF_A_BUILD))


def setting_of(part: object, names: Sequence[str]) -> object:
    """The value that `names` lead to; nothing where a table of the company's own keys lacks the key."""
    if not names:
        return part
    first, *rest = names
    if isinstance(part, Mapping):
        return part.get(".".join(names))
    return setting_of(getattr(part, first), rest)


def print_metrics(console: Console, old: pd.DataFrame, new: pd.DataFrame) -> None:
    """One line per metric with a month that differs by more than rounding."""
    both = old.merge(new, on=["metric", "month_start", "unit"], how="outer", suffixes=("_old", "_new"), validate="1:1")
    both = both.sort_values("month_start")
    rounding = warehouse_diff.ROUNDING
    is_same = pd.Series(
        np.isclose(both["value_old"], both["value_new"], rtol=rounding, atol=0, equal_nan=True), index=both.index
    )
    table = _table("metric", "months that differ", "newest month before", "after")
    for metric, months in both.groupby("metric"):
        differing = int((~is_same[months.index]).sum())
        if differing:
            unit, newest = str(months["unit"].iloc[-1]), months.iloc[-1]
            values = (as_text(newest["value_old"], unit), as_text(newest["value_new"], unit))
            table.add_row(str(metric), f"{differing} of {len(months)}", *values)
    console.print(table if table.row_count else "No metric of the company changes.")


def _print_churn_rate(console: Console, old: pd.DataFrame, new: pd.DataFrame) -> None:
    sides = [side[side["metric"] == CHURN_RATE].set_index("month_start")["value"] for side in (old, new)]
    months = sides[0].index.union(sides[1].index)[-MONTHS_SHOWN:]
    table = _table("churn rate", *(f"{month:%Y-%m}" for month in months))
    for name, side in zip(("before", "after"), sides, strict=True):
        table.add_row(name, *(as_text(side.get(month), "ratio") for month in months))
    if len(months):
        console.print()
        console.print(table)


def label_lines(old: pd.DataFrame, new: pd.DataFrame) -> list[str]:
    """What becomes of the churn labels: how many there are, how many say churned, how many change their mind."""
    both = old.merge(new, on=["account_id", "as_of"], how="outer", suffixes=("_old", "_new"), validate="1:1")
    shared = both.dropna()
    lines = [
        f"churn labels {name}: {len(side):,}, of them churned {side['churned'].sum():,.0f}"
        + (f" ({side['churned'].mean():.1%})" if len(side) else "")
        for name, side in (("before", old), ("after ", new))
    ]
    gone, come = both["churned_new"].isna().sum(), both["churned_old"].isna().sum()
    to_no = (shared["churned_old"] > shared["churned_new"]).sum()
    to_yes = (shared["churned_old"] < shared["churned_new"]).sum()
    lines.append(
        f"labelled only before {gone:,}, only after {come:,}; of those on both sides "
        f"{to_no:,} turn from churned to stayed, {to_yes:,} from stayed to churned"
    )
    return lines


def _table(*headings: str) -> Table:
    table = Table(header_style="dim", box=None, pad_edge=False)
    for at, heading in enumerate(headings):
        table.add_column(heading, justify="right" if at else "left")
    return table


if __name__ == "__main__":
    sys.exit(main())
