"""Product usage of one block's customers, by account, day and feature.

Belongs here: the trace that health leaves in usage. Does not belong here: health itself (`customers`).
Usage of a month follows that month's health; the churn decision of a month follows the health of the two months
before. A fall in usage therefore leads churn by one to two months.
"""

import numpy as np
import pyarrow as pa

from ingestion.simulator import columns as col
from ingestion.simulator.customers import Record
from ingestion.simulator.parameters import SignalTruth
from ingestion.simulator.timeline import Flags, Ints, Timeline

EVENING = 64_800
SAMPLED_USERS_SHARE = 0.35


def active_days(calendar: Timeline, count: int, customer: Ints, started: Ints, ended: Ints) -> Flags:
    """Whether each customer may use the product on each day, shape (count, days).

    Args:
        customer, started, ended: spells and trials; the end day is outside.
    """
    change = np.zeros((count, calendar.days + 1), dtype=np.int32)
    np.add.at(change, (customer, np.minimum(started, calendar.days)), 1)
    np.add.at(change, (customer, np.minimum(ended, calendar.days)), -1)
    return np.asarray(np.cumsum(change, axis=1)[:, : calendar.days] > 0)


def usage_table(
    truth: SignalTruth,
    calendar: Timeline,
    record: Record,
    seats: Ints,
    days: Flags,
    accounts: pa.Array,
    rng: np.random.Generator,
) -> pa.Table:
    """One row per account, day and feature on which there was use; many account-days have none.

    Args:
        seats: of each customer's first contract.
        days: see `active_days`.
    """
    health = record.over_time("health").T
    customer, day, feature = _presence(truth, calendar, health, days, rng)
    strength = truth.events_health_effect * health[customer, calendar.month_of_day[day]]
    own = truth.account_events_sd * rng.standard_normal(len(record))
    users = 1 + rng.poisson(SAMPLED_USERS_SHARE * (seats[customer] - 1) * np.exp(0.5 * strength) / (1 + feature))
    users = np.minimum(users, seats[customer])
    events = 1 + rng.poisson(5.0 * users * np.exp(strength + own[customer]))
    minutes = np.round(events * (0.8 + 0.8 * rng.random(len(events))), 1)
    keys = accounts.take(pa.array(record.account[customer]))
    used_on = col.dates(calendar, day)
    return pa.table(
        {
            "usage_id": col.joined(keys, col.ids("", day, 5), col.ids("", feature, 1)),
            "account_id": keys,
            "used_on": used_on,
            "feature": col.texts(truth.features, feature),
            "active_users": pa.array(users),
            "events": pa.array(events),
            "minutes": pa.array(minutes),
            "errors": pa.array(rng.poisson(0.01 * events)),
            "modified_at": col.instants(calendar, day, np.full(len(day), EVENING)),
        }
    )


def _presence(
    truth: SignalTruth, calendar: Timeline, health: np.ndarray, days: Flags, rng: np.random.Generator
) -> tuple[Ints, Ints, Ints]:
    """Customer, day and feature of each row: a feature is used on a day with odds that rise with health."""
    customer, day = np.nonzero(days)
    odds = np.array([rate / (1 - rate) for rate in truth.feature_rates], dtype=np.float32)
    tilt = np.exp(truth.presence_health_effect * health).astype(np.float32)[customer, calendar.month_of_day[day]]
    likely = odds * tilt[:, None]
    chance = likely / (1 + likely)
    weekday = (calendar.epoch_day + 3 + day) % 7
    chance = chance * np.where(weekday >= 5, np.float32(truth.weekend_rate), np.float32(1))[:, None]
    row, feature = np.nonzero(rng.random(chance.shape, dtype=np.float32) < chance)
    return customer[row], day[row], feature
