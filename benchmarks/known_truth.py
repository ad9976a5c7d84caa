"""Hold the whole chain against the known truth of several simulated companies.

Per seed: simulate, land, build the tables that models read (no tests, no metrics, no Dagster), train every model, and
compare with the true probabilities, close months, values, futures and parameters, none of which the chain can read.
Belongs here: the chain, pooling over seeds, the page. Does not belong here: the comparisons
(`benchmarks.truth_sections`, `benchmarks.truth_recovery`). Run: `python -m benchmarks.known_truth --seeds 5 --write`;
`--folder` keeps the companies.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import t as student

from benchmarks import truth_recovery, truth_sections
from benchmarks.pages import Page, table, with_interval
from benchmarks.truth_sections import PATHS, TRUE_CHANCE, Figures, Judged
from companies import settings
from ingestion import landing
from ingestion.simulator.run import simulate
from ingestion.simulator.settings import SimulatorSettings
from orchestration.resources import Deployment
from orchestration.transformations.dbt_command import run_dbt

FACTS = (
    "customer_spells", "lead_lifecycle", "deals", "purchases", "mrr_movements", "monthly_revenue", "open_deals_monthly",
)  # fmt: skip
SELECTED = (*(f"+fct_{name}" for name in FACTS), "+dim_accounts", "+int_deal_versions", "+path:models/features")
AIMED_AT = 0.95

CHANCES = """## Probabilities

Means over the companies with 95 % intervals (Student). `share_of_oracle`: AUC ÷ AUC of the true probabilities on the
same test rows. `total`: stated ÷ true sum. `ece`: against the true probabilities, ten bins. `inside`: share of rows
whose group of about 100 like rows has its true rate within the stated 90 % interval. The oracle of leads knows a latent
interest, that of customers their latent health."""
CLOSING = """## Close month of deals

The month in which a deal is won if it is won, out of time. `inside`: true probability of the stated 90 % interval;
`promised`: its stated probability (months are whole); `distance`: largest difference of the distribution functions,
mean over deals; `sooner`: stated minus true share of the first month."""
VALUE = """## Customer value

At the end of the data, over the 36 months to come, against {paths} futures; validated in {passed} of {count} companies.
`total`: stated ÷ true sum; `error`: mean |stated - true expected value| ÷ mean true; `inside`: futures within the 90 %
interval. `stays_12`, `months`: stated survival to a year and expected months of 36, beside the true ones."""
REVENUE = """## Revenue

Twelve months of MRR from several origins, against {paths} futures each. `model` is the combination, `served` what was
published: the model where its gates passed, else the best simple method (at the end of the data the model was validated
in {passed} of {count} companies). `width_80`: stated width ÷ width of the futures' own 80 % interval. Means over the
companies; that the intervals differ so much between origins is part of the result."""
PARAMETERS = """## Parameters

From the marts, the source's faults included; intervals of 95 %."""
DRIVERS = """## Drivers

Effects of the numeric features on the stated and on the true log odds, in the same least-squares projection on the test
rows: their correlation, the slope of stated on true (1: same size), and the share of equal signs among effects of at
least a tenth of the largest."""


@dataclass(frozen=True)
class Measured:
    """What one company gave; `statuses` and `chances` by model, `revenue` a list over origins."""

    statuses: Mapping[str, str]
    chances: Mapping[str, Figures]
    drivers: Mapping[str, Figures]
    close: Figures
    value: Figures
    revenue: Sequence[Figures]
    recovered: pd.DataFrame


def company(folder: Path, seed: int) -> Deployment:
    """The sample company with another seed, simulated, landed and built; found if the folder holds it already."""
    text = (settings.FOLDER / "sample.toml").read_text(encoding="utf-8")
    (folder / "companies").mkdir(parents=True, exist_ok=True)
    (folder / "companies" / "sample.toml").write_text(text.replace("seed = 20230101", f"seed = {seed}"))
    places = {"state_folder": str(folder), "data_folder": str(folder), "companies_folder": str(folder / "companies")}
    deployment = Deployment(company_name="sample", **places)
    if (folder / "done").exists():
        return deployment
    wanted = SimulatorSettings.model_validate(deployment.company.source.simulator)
    simulate(wanted, deployment.source_folder / "source", deployment.state / "truth")
    with deployment.warehouse() as connection:
        landing.land(connection, deployment.company, deployment.source_folder, datetime.now(UTC))
    arguments = ("build", "--exclude-resource-type", "test", "unit_test", "--select", *SELECTED)
    run_dbt(*arguments, warehouse=deployment.warehouse_path, target=deployment.state / "dbt")
    (folder / "done").touch()
    return deployment


def measured(judged: Judged) -> Measured:
    """Every comparison with the truth."""
    return Measured(
        judged.statuses,
        {model: truth_sections.probabilities(judged, model) for model in TRUE_CHANCE},
        {model: truth_recovery.drivers(judged, model, truth) for model, truth in TRUE_CHANCE.items()},
        truth_sections.close_months(judged),
        truth_sections.values(judged),
        truth_sections.revenue_paths(judged),
        truth_recovery.rows(judged),
    )


def pooled(figures: Sequence[Figures], digits: int = 3) -> dict[str, str]:
    """Mean over the companies with its 95 % interval (Student), by figure."""
    frame = pd.DataFrame(figures)
    error = frame.std() / np.sqrt(len(frame)) * student.ppf(0.975, max(len(frame) - 1, 1))
    return {
        str(name): with_interval(mean, mean - error[name], mean + error[name], digits)
        for name, mean in frame.mean().items()
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure some companies; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="companies, with seeds from 1 on")
    parser.add_argument("--folder", type=Path, help="keeps the companies' warehouses; default: a scratch one")
    parser.add_argument("--write", action="store_true", help="write docs/results/known_truth.md")
    chosen = parser.parse_args(arguments)
    started, found = time.monotonic(), []
    with tempfile.TemporaryDirectory() as scratch:
        for seed in range(1, chosen.seeds + 1):
            deployment = company((chosen.folder or Path(scratch)) / str(seed), seed)
            found.append(measured(truth_sections.trained(deployment)))
            print(f"seed {seed}: {time.monotonic() - started:.0f} s", flush=True)
    made = page(found, time.monotonic() - started)
    print(made.text())
    if chosen.write:
        made.write()
    return 0


def page(found: Sequence[Measured], seconds: float) -> Page:
    """The page of these companies."""
    count = len(found)
    shares = {model: np.mean([one.chances[model]["share_of_oracle"] for one in found]) for model in TRUE_CHANCE}
    covered = {model: np.mean([one.chances[model]["inside"] for one in found]) for model in TRUE_CHANCE}
    outcome = (
        f"Over {count} simulated companies the models reach "
        + ", ".join(f"{part:.1%} ({model})" for model, part in shares.items())
        + f" of the AUC of the true probabilities ({AIMED_AT:.0%} aimed at); 90 % intervals hold the true rate of like "
        "rows in " + ", ".join(f"{part:.0%} ({model})" for model, part in covered.items()) + " of the cases."
    )
    blocks = [*_chances(found), *_timing(found), *_revenue(found), *_recovered(found)]
    command = f"python -m benchmarks.known_truth --seeds {count} --write"
    return Page("known_truth", "Against the known truth", outcome, command, 1, seconds, blocks)


def _chances(found: Sequence[Measured]) -> list[str]:
    pools = [{"model": model, **pooled([one.chances[model] for one in found])} for model in TRUE_CHANCE]
    by_seed = [
        {"seed": seed, **{model: _share_and_verdict(one, model) for model in TRUE_CHANCE}}
        for seed, one in enumerate(found, 1)
    ]
    return [
        CHANCES,
        table(pd.DataFrame(pools).drop(columns="rows")),
        "AUC ÷ oracle AUC by seed, and whether the model was validated:",
        table(pd.DataFrame(by_seed)),
    ]


def _share_and_verdict(one: Measured, model: str) -> str:
    verdict = "validated" if one.statuses[model] == "validated" else "refused"
    return f"{one.chances[model]['share_of_oracle']:.3f} ({verdict})"


def _timing(found: Sequence[Measured]) -> list[str]:
    passed = sum(one.statuses["clv"] == "validated" for one in found)
    return [
        CLOSING,
        table(pd.DataFrame([pooled([one.close for one in found])])),
        VALUE.format(paths=PATHS, passed=passed, count=len(found)),
        table(pd.DataFrame([pooled([one.value for one in found])])),
    ]


def _revenue(found: Sequence[Measured]) -> list[str]:
    rows = pd.DataFrame([figures for one in found for figures in one.revenue])
    passed = sum(one.statuses["revenue"] == "validated" for one in found)
    pools = []
    for name, is_served in (("served", 1.0), ("model", 0.0)):
        mine = rows[rows["is_served"] == is_served].drop(columns="is_served")
        parts = [(f"{origin + 1:.0f}", part) for origin, part in mine.groupby("origin")]
        for months, part in [*parts, ("all", mine)]:
            pools.append({"forecast": name, "known months": months, **part.drop(columns="origin").mean()})
    return [REVENUE.format(paths=PATHS, passed=passed, count=len(found)), table(pd.DataFrame(pools))]


def _recovered(found: Sequence[Measured]) -> list[str]:
    rows = pd.concat([one.recovered for one in found])
    each = rows.groupby(["kind", "parameter"], sort=False).agg(
        true=("true", "mean"), estimate=("estimate", "mean"), lower=("lower", "mean"), upper=("upper", "mean"),
        inside=("is_inside", "sum"),
    )  # fmt: skip
    kinds = rows.groupby("kind", sort=False)["is_inside"].agg(["size", "mean"]).reset_index()
    drivers = [{"model": model, **pooled([one.drivers[model] for one in found], 2)} for model in TRUE_CHANCE]
    return [
        PARAMETERS,
        table(kinds.rename(columns={"size": "estimates", "mean": "inside"}), 2),
        table(each.assign(inside=each["inside"].map(lambda hits: f"{hits} of {len(found)}")).reset_index()),
        DRIVERS,
        table(pd.DataFrame(drivers)),
    ]


if __name__ == "__main__":
    sys.exit(main())
