"""Judge the revenue forecast on simulated companies: both views and their combination against the simple methods.

Several seeds of the sample company without faults, with 1,200 accounts and with 8,000 (where chance weighs less), facts
taken straight from the simulator's files; the mean of true futures as an oracle, whose error is what chance alone
leaves; and what reconciliation does to the parts of simulated hierarchies. Belongs here: those facts, the tables. Does
not belong here: any setting of the forecast.
Run: `python -m benchmarks.revenue [--seeds 16] [--large 2] [--write]`.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import duckdb
import numpy as np
import pandas as pd

from benchmarks.pages import Page, table, with_interval
from ingestion.simulator.futures import futures
from ingestion.simulator.run import simulate
from ingestion.simulator.settings import SimulatorSettings
from ml import forecast_metrics
from ml.arrays import FloatArray
from ml.models import revenue, revenue_panel
from ml.models.forecast_methods import SIMPLE
from ml.models.revenue_bottom_up import Subscriptions
from ml.models.revenue_reconcile import reconciled

SMALL, LARGE = 1200, 8000
FIRST, LAST = "2023-01-01", "2025-12-31"
ORACLE: Final = "oracle"
SHOWN: Final = (
    "combined", "bottom_up", "top_down", "drift", "seasonal_trend", "last_value", "seasonal_naive", ORACLE,
)  # fmt: skip
HORIZON, HELD, RESAMPLES, PATHS = 12, 6, 2000, 30
TABLES: Final = ("accounts", "leads", "lead_stage_events", "deals", "deal_stage_events", "subscriptions")
QUERIES: Final = {
    "movements": (
        "select account_id, month_start, sum(mrr) as closing_mrr from (select * from mrr union all "
        "select account_id, cast(month_start + interval 1 month as date), 0 from mrr) "
        "where month_start <= (select max(month_start) from months) group by all order by 1, 2"
    ),
    "accounts": (
        "select account_id, max(region) as region, max(industry) as segment from accounts group by 1 order by 1"
    ),
    "contracts": (
        "select account_id, cast(started_on as date) as started_on, billing_period = 'annual' as is_annual "
        "from contracts order by 1, 2"
    ),
    "leads": (
        "select lead_id, max(account_id) as account_id, min(created_at) as created_on, min(modified_at) as known_on "
        "from leads group by 1 order by 1"
    ),
    "deals": (
        "select deal_id, arg_max(account_id, modified_at) as account_id, max(lead_id) as lead_id, "
        "max(cast(amount as double)) as amount, min(created_at) as created_on, min(modified_at) as known_on, "
        "arg_max(outcome, modified_at) as outcome, max(closed_at) as closed_on, max(closed_at) as closed_known_on "
        "from deals group by 1 order by 1"
    ),
    "open_deals": (
        "with opened as (select deal_id, max(cast(amount as double)) as amount, min(cast(created_at as date)) as day, "
        "max(cast(closed_at as date)) as closed from deals group by 1) "
        "select deal_id, month_end as as_of, coalesce(arg_max(stage, entered_at), 'unknown') as stage, "
        "date_diff('day', day, month_end) as age_days, amount from months join opened "
        "on day <= month_end and (closed is null or closed > month_end) left join deal_stage_events using (deal_id) "
        "where entered_at is null or cast(entered_at as date) <= month_end group by all order by 2, 1"
    ),
    "monthly": (
        "select month_start, region, segment, coalesce(sum(mrr), 0) as target_amount, true as is_complete from months "
        "cross join (select distinct region, segment from parts) left join (mrr join parts using (account_id)) "
        "using (month_start, region, segment) group by all order by 1, 2, 3"
    ),
}


def facts(source: Path) -> tuple[pd.DataFrame, Subscriptions]:
    """The monthly revenue and the tables of the view from below, as a warehouse would give them."""
    with duckdb.connect() as con:
        for name in TABLES:
            con.execute(f"create view {name} as select * from read_parquet('{source / name}-*.parquet')")
        con.execute(
            "create table months as select cast(day as date) as month_start, last_day(cast(day as date)) as month_end "
            f"from range(date '{FIRST}', date '{LAST}', interval 1 month) as spine(day)"
        )
        con.execute(
            "create table contracts as select * from subscriptions where not is_trial "
            "qualify row_number() over (partition by subscription_id order by modified_at desc) = 1"
        )
        con.execute(
            "create table mrr as select account_id, month_start, sum(cast(mrr as double)) as mrr from contracts "
            "join months on cast(started_on as date) <= month_end "
            "and (ended_on is null or cast(ended_on as date) > month_end) group by all"
        )
        con.execute(f"create table parts as {QUERIES['accounts']}")
        found = {name: con.execute(query).df() for name, query in QUERIES.items()}
    return found.pop("monthly"), Subscriptions(**found)


def judged(accounts: int, seeds: Sequence[int]) -> pd.DataFrame:
    """Metrics of every method on every company: seed, method, wape, mase, bias, coverage_80, coverage_95, status,
    oracle_passes (whether the oracle is better than the best simple method beyond noise, as the gate asks).
    """  # noqa: D205
    rows = []
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            settings = SimulatorSettings(seed=seed, accounts=accounts, messiness=0)
            simulate(settings, Path(folder) / "source", Path(folder) / "truth")
            monthly, bottom_up = facts(Path(folder) / "source")
        outcome = revenue.run_training(monthly, bottom_up, HORIZON)
        metrics = outcome.report.metric_table().pivot_table(index="method", columns="metric", values="value")
        backtest, total = outcome.report.tables["backtest"], monthly.groupby("month_start")["target_amount"].sum()
        oracle, passes = _oracle(settings, backtest, total.to_numpy(np.float64))
        metrics = pd.concat([metrics, oracle]).rename_axis("method").reset_index()
        rows.append(metrics.assign(seed=seed, status=outcome.status, oracle_passes=passes))
    return pd.concat(rows, ignore_index=True)


def _oracle(settings: SimulatorSettings, backtest: pd.DataFrame, total: FloatArray) -> tuple[pd.DataFrame, bool]:
    """Metrics of the mean of true futures at the origins of a backtest, and whether it would pass the gate there.

    It knows all that is true at an origin (health, interest, every coefficient), which no forecast can.
    """
    wide = backtest.pivot_table(index=["origin", "step", "actual"], columns="method", values="predicted").reset_index()
    origin = (pd.PeriodIndex(wide["origin"], freq="M") - pd.Period(FIRST, freq="M")).map(lambda apart: apart.n)
    found = np.zeros(len(wide))
    for month in np.unique(origin):
        ahead = futures(settings, int(month), HORIZON, PATHS).total.mean(axis=0)
        rows = origin == month
        found[rows] = ahead[wide.loc[rows, "step"].to_numpy(int) - 1]
    actual, cluster = wide["actual"].to_numpy(np.float64), np.asarray(origin, dtype=np.float64)
    table_of = forecast_metrics.point_metrics(cluster, actual, found, forecast_metrics.scale_of(total))
    best = min(SIMPLE, key=lambda name: float(np.abs(actual - wide[name]).mean()))
    gain = forecast_metrics.mae_difference(cluster, actual, found, wide[best].to_numpy(np.float64))
    return table_of.assign(method=ORACLE).pivot_table(index="method", columns="metric", values="value"), gain.lower > 0


def summary(found: pd.DataFrame) -> pd.DataFrame:
    """Mean over the companies with 95 % bootstrap intervals (companies drawn with replacement)."""
    rows = []
    for method in SHOWN:
        mine = found[found["method"] == method].sort_values("seed")
        row = {"method": method.replace("_", " ")}
        for metric, digits in (("wape", 4), ("mase", 3), ("bias", 4)):
            row[metric] = _interval(mine[metric].to_numpy(np.float64), digits)
        rows.append(row)
    return pd.DataFrame(rows)


def differences(found: pd.DataFrame) -> pd.DataFrame:
    """WAPE of the combination minus that of each other method on the same companies."""
    wape = found.pivot_table(index="seed", columns="method", values="wape")
    rows = []
    for method in SHOWN[1:]:
        apart = (wape["combined"] - wape[method]).to_numpy(np.float64)
        better = f"{int((apart < 0).sum())} of {len(apart)}"
        rows.append({"combined minus": method.replace("_", " "), "wape": _interval(apart, 4), "better on": better})
    return pd.DataFrame(rows)


def _interval(values: FloatArray, digits: int) -> str:
    return with_interval(float(values.mean()), *_drawn(values), digits)


def _drawn(values: FloatArray) -> tuple[float, float]:
    """Bounds of the mean over companies drawn with replacement."""
    drawn = np.random.default_rng(1).choice(values, (RESAMPLES, len(values))).mean(axis=1)
    lower, upper = np.quantile(drawn, [0.025, 0.975])
    return float(lower), float(upper)


def hierarchies(count: int, seed: int) -> pd.DataFrame:
    """WAPE of cells, regions and segments over the last six months, forecast by several rules; means of hierarchies."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(count):
        panel = _hierarchy(rng)
        known, coming = panel.iloc[:-HELD], panel.iloc[-HELD:].to_numpy(np.float64)
        parts = revenue_panel.forecast_parts(known, HELD)
        sums = len(parts.base) - coming.shape[1]
        alone, total = parts.base[sums:], coming.sum(axis=1)
        share = known.iloc[-12:].sum() / known.iloc[-12:].sum().sum()
        rules = {
            "cells alone": alone,
            "shares of the total": share.to_numpy()[:, None] * total,
            "reconciled": reconciled(parts.base, parts.summation, parts.spread, total),
        }
        for name, cells in rules.items():
            error = np.abs(parts.summation @ cells - parts.summation @ coming.T)
            size = coming.sum()
            rows.append((name, error[sums:].sum() / size, error[:sums].sum() / (2 * size)))
    frame = pd.DataFrame(rows, columns=["rule", "cells", "regions and segments"])
    return frame.groupby("rule", sort=False).mean().reset_index()


def _hierarchy(rng: np.random.Generator) -> pd.DataFrame:
    """Four regions times three segments, 42 months: shared growth, correlated random walks, own noise."""
    months = np.arange(42)
    columns, cells = [], []
    shocks = {name: rng.normal(0, 3, 42).cumsum() for name in ("r0", "r1", "r2", "r3", "s0", "s1", "s2")}
    for region in ("r0", "r1", "r2", "r3"):
        for segment in ("s0", "s1", "s2"):
            level = rng.uniform(60, 200)
            course = level * (1 + 0.01 * months) + shocks[region] + shocks[segment] + rng.normal(0, 6, 42)
            columns.append((region, segment))
            cells.append(np.maximum(course, 1.0))
    index = pd.period_range("2022-01", periods=42, freq="M")
    return pd.DataFrame(np.array(cells).T, index=index, columns=pd.MultiIndex.from_tuples(columns))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print, and with --write keep the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.revenue", description=__doc__)
    parser.add_argument("--seeds", type=int, default=16)
    parser.add_argument("--large", type=int, default=2)
    parser.add_argument("--first-seed", type=int, default=101, help="1 to 12 were looked at while the model was made")
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args(arguments)
    begun = time.monotonic()
    first = chosen.first_seed
    small = judged(SMALL, range(first, first + chosen.seeds))
    large = judged(LARGE, range(first + 100, first + 100 + chosen.large))
    parts = hierarchies(12, seed=5)
    command = f"python -m benchmarks.revenue --seeds {chosen.seeds} --large {chosen.large} --first-seed {first}"
    page = Page(
        "revenue",
        "Revenue forecast",
        _outcome(small),
        command,
        first,
        time.monotonic() - begun,
        _blocks(small, large, parts),
    )
    sys.stdout.write(page.text())
    if chosen.write:
        page.write()
    return 0


def _outcome(small: pd.DataFrame) -> str:
    mean = small.groupby("method")["wape"].mean()
    simple = min(SIMPLE, key=lambda name: float(mean[name]))
    wape = small.pivot_table(index="seed", columns="method", values="wape")
    apart = (wape["combined"] - wape[simple]).to_numpy(np.float64)
    verdict = "better" if _drawn(apart)[1] < 0 else "no better"
    validated = int((small.drop_duplicates("seed")["status"] == "validated").sum())
    count = small["seed"].nunique()
    oracles = int(small.drop_duplicates("seed")["oracle_passes"].sum())
    return (
        f"On {count} simulated companies of {SMALL:,} accounts the combined forecast is {verdict} "
        f"than {simple.replace('_', ' ')}, the best simple method of all (WAPE {mean['combined']:.4f} against "
        f"{mean[simple]:.4f}); "
        f"{validated} of them pass the gates, the others are served the simple method. Chance alone leaves "
        f"{mean[ORACLE]:.4f}: the oracle that knows all that is true at each origin would pass on {oracles} of {count}."
    )


def _blocks(small: pd.DataFrame, large: pd.DataFrame, parts: pd.DataFrame) -> list[str]:
    coverage = small[small["method"] == "combined"][["coverage_80", "coverage_95"]].mean()
    return [
        f"## {SMALL:,} accounts\n\nThirty-six months, twelve origins, up to twelve months ahead; every forecast as it "
        "would have been made then.",
        table(summary(small)),
        table(differences(small)),
        f"The intervals of the combination held {coverage['coverage_80']:.0%} (80 %) and "
        f"{coverage['coverage_95']:.0%} (95 %) of what came.",
        f"## {LARGE:,} accounts\n\nThe same company with less chance in the size of single contracts.",
        table(summary(large)),
        "## Parts\n\nTwelve simulated hierarchies (four regions, three segments), six months ahead, the total known: "
        "WAPE of cells and of regions and segments. Shares and reconciled cells add up exactly, cells alone do not.",
        table(parts, 4),
    ]


if __name__ == "__main__":
    sys.exit(main())
