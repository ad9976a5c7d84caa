"""Parameters of the simulated company, recovered from the warehouse that was built of its messy source.

Belongs here: the true value of what the marts and estimators say of conversions, lags, season and drivers, beside the
estimate and its interval. Does not belong here: models' predictions (`benchmarks.truth_sections`).
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from benchmarks import against_truth
from benchmarks.truth_sections import Judged
from feature_definitions import registry as views
from ingestion.simulator.block import world_of
from ingestion.simulator.leads import independent_leads
from ingestion.simulator.timeline import stream
from ml.models.revenue_course import seasonality
from orchestration.learning import frames

STAGES = ("mql", "sql", "opportunity", "customer")
RIPE_DAYS, HORIZON_DAYS, DRAWN = 200, 90, 200_000
FEWEST = 30

Row = dict[str, object]


def rows(judged: Judged) -> pd.DataFrame:
    """parameter, kind, true, estimate, lower, upper, is_inside; intervals are of 95 %."""
    with judged.deployment.warehouse(read_only=True) as connection:
        leads = frames.read(connection, "select * from marts.fct_lead_lifecycle")
        until = pd.Timestamp(frames.data_until(connection))
    ripe = leads[leads["created_on"] <= until - pd.Timedelta(days=RIPE_DAYS)]
    found = pd.DataFrame(
        [*_sources(judged, ripe), *_stages(judged, ripe), *_lags(judged, ripe), *_season(judged, leads, until)]
    )
    return found.assign(is_inside=(found["lower"] <= found["true"]) & (found["true"] <= found["upper"]))


def _row(kind: str, parameter: str, true: float, estimate: tuple[float, float, float]) -> Row:
    value, lower, upper = estimate
    return {"kind": kind, "parameter": parameter, "true": true, "estimate": value, "lower": lower, "upper": upper}


def _sources(judged: Judged, ripe: pd.DataFrame) -> Iterator[Row]:
    """Conversion within 90 days by source; the truth is a mean of probabilities over many leads, not of outcomes."""
    world = world_of(judged.settings)
    drawn = independent_leads(world.truth.lead, world.calendar, DRAWN, stream(world.seed, 0, "futures"))
    chance = world.lead_oracle.at_creation(drawn)
    won = (ripe["customer_on"] - ripe["created_on"]).dt.days.between(0, HORIZON_DAYS)
    for code, source in enumerate(world.truth.lead.source.levels):
        mine = ripe["lead_source"] == source
        true = float(chance[drawn.codes[:, 0] == code].mean())
        yield _row("conversion by source", source, true, against_truth.share(float(won[mine].sum()), int(mine.sum())))


def _stages(judged: Judged, ripe: pd.DataFrame) -> Iterator[Row]:
    """Share of the leads in a stage that ever reach the next; a stage without a day counts if a later one has it."""
    world = world_of(judged.settings)
    drawn = independent_leads(world.truth.lead, world.calendar, DRAWN, stream(world.seed, 0, "futures"))
    ever, stuck = float(world.lead_oracle.ever(drawn).mean()), np.array(world.truth.lead.stuck_shares)
    reach = [1.0, *(ever + (1 - ever) * stuck[stage:].sum() for stage in range(1, 4)), ever]
    entered = ripe[[f"{stage}_on" for stage in STAGES]].notna().to_numpy()
    reached = np.logical_or.accumulate(entered[:, ::-1], axis=1)[:, ::-1].sum(axis=0)
    before = [len(ripe), *reached[:-1]]
    for number, stage in enumerate(STAGES):
        estimate = against_truth.share(float(reached[number]), float(before[number]))
        yield _row("conversion by stage", f"to {stage}", reach[number + 1] / reach[number], estimate)


def _lags(judged: Judged, ripe: pd.DataFrame) -> Iterator[Row]:
    """Share of the lags that are shorter than the true median, and than twice that."""
    truth = world_of(judged.settings).truth.lead
    names = ["created_on", *(f"{stage}_on" for stage in STAGES)]
    for number, stage in enumerate(STAGES):
        days = (ripe[names[number + 1]] - ripe[names[number]]).dt.days
        days = days[days >= 0]
        median, sigma = truth.lag_median_days[number], truth.lag_sigma[number]
        for times in (1, 2):
            estimate = against_truth.share(float((days < times * median).sum()), len(days))
            true = against_truth.below_in_lag(times * median, median, sigma)
            yield _row("lag", f"to {stage} within {times * median:.0f} days", true, estimate)


def _season(judged: Judged, leads: pd.DataFrame, until: pd.Timestamp) -> Iterator[Row]:
    """Monthly factors of the lead inflow by the product's estimator, against the same of the expected inflow."""
    known = leads.loc[leads["created_on"].notna() & (leads["created_on"] <= until), "created_on"].dt.to_period("M")
    months = pd.period_range(judged.settings.starts_on, periods=judged.settings.months, freq="M")
    counts = known.value_counts().reindex(months).fillna(0.0)
    calendar = world_of(judged.settings).calendar
    expected = pd.Series(np.bincount(calendar.month_of_day, weights=calendar.inflow), index=months)
    true = seasonality(expected).set_index(["period", "number"])["factor"]
    for row in seasonality(counts.astype(float)).itertuples():
        estimate = (float(row.factor), float(row.lower), float(row.upper))
        if row.period == "month":
            yield _row("season of leads", f"month {row.number}", float(true[row.period, row.number]), estimate)


def drivers(judged: Judged, model: str, truth: str) -> dict[str, float]:
    """Effects of the features on stated and on true log odds, both in the same projection on the test rows.

    Returns:
        correlation of the two vectors of effects; slope (stated on true, 1 = same size); same_sign (share of the
        effects of at least a tenth of the largest true one).
    """
    said = judged.with_truth(model)
    said = said[said[truth] > 0]
    stated, true = against_truth.effects(
        _numbers(judged, model, said), said["value"].to_numpy(), said[truth].to_numpy()
    )
    large = np.abs(true) >= 0.1 * np.abs(true).max()
    return {
        "correlation": float(np.corrcoef(stated, true)[0, 1]),
        "slope": float(stated @ true / (true @ true)),
        "same_sign": float((np.sign(stated) == np.sign(true))[large].mean()),
        "effects": float(large.sum()),
    }


def _numbers(judged: Judged, model: str, said: pd.DataFrame) -> np.ndarray:
    """Numeric features of the rows, those that vary and are known for at least some rows."""
    with judged.deployment.warehouse(read_only=True) as connection:
        found = frames.features(connection, views.views_for(model))
    key = next(name for name in ("account_id", "lead_id", "deal_id") if name in said)
    names = [column.name for column in views.columns_for(model) if column.kind == "numeric" and column.name in found]
    rows_of = said[[key, "as_of"]].merge(
        found.assign(as_of=pd.to_datetime(found["as_of"])), on=[key, "as_of"], how="left", validate="one_to_one"
    )[names]
    kept = [name for name in names if rows_of[name].notna().sum() >= FEWEST and rows_of[name].nunique() > 1]
    return rows_of[kept].to_numpy(float)
