"""Revenue from below: what today's customers will still pay, what open deals and leads bring, and what is yet to come.

A start of a contract is explained once: by the newest deal of its account, else by the newest lead, else by neither.
An open deal of a paying customer is part of the base's expansion; a lead with a deal counts as the deal; a deal that
became a contract is in the base. A company without deals goes from leads to starts; one without leads, too, continues
its new business as a series. Belongs here: the drivers of both business models as known at a date. Not here:
intervals and the combination with the top-down view (`ml.models.revenue`), the estimators of the parts.
"""

from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import Final, Protocol

import numpy as np
import pandas as pd

from ml.arrays import BoolArray, FloatArray, IntArray
from ml.models import clv_transactional
from ml.models.clv_terms import WEEKS_PER_MONTH, Terms
from ml.models.revenue_arrivals import LONGEST, amount_path, coming_new, from_coming, from_waiting, lag_shares
from ml.models.revenue_book import NEVER, Book, empty, happened_in, matched, month_of, monthly_sums, ordinal
from ml.models.revenue_drivers import Drivers
from ml.models.revenue_pipeline import DealHistory, Pipeline, pipeline_of
from ml.models.revenue_retention import Hazards, Traits, fit_hazards, growth_path, weighted

NO_ACCOUNTS: Final = empty(["account_id", "region", "segment"])
NO_CONTRACTS: Final = empty(["account_id", "started_on", "is_annual"])
NO_LEADS: Final = empty(["lead_id", "account_id", "created_on", "known_on"])
NO_DEALS: Final = empty(
    ["deal_id", "account_id", "lead_id", "amount", "created_on", "known_on", "outcome", "closed_on", "closed_known_on"]
)
NO_OPEN_DEALS: Final = empty(["deal_id", "as_of", "stage", "age_days", "amount"])
RECENT_STARTS: Final = 12


class BottomUp(Protocol):
    """Anything that can say what drives the revenue after a date."""

    def drivers(self, as_of: date, horizon: int) -> Drivers:
        """Drivers of each of the next months as known at a month end."""


@dataclass(frozen=True)
class Subscriptions:
    """MRR of contracts.

    Attributes:
        movements: fct_mrr_movements (account_id, month_start, closing_mrr).
        accounts: account_id, region, segment; contracts: account_id, started_on, is_annual.
        leads: lead_id, account_id, created_on, known_on.
        deals: one row per deal with its outcome; `closed_known_on` is the day on which that was known.
        open_deals: deal_id, as_of, stage, age_days, amount as known at each month end.
        until: a day up to which nobody pays after the last movement; None: the last movement's month.
    """

    movements: pd.DataFrame
    accounts: pd.DataFrame = field(default_factory=NO_ACCOUNTS.copy)
    contracts: pd.DataFrame = field(default_factory=NO_CONTRACTS.copy)
    leads: pd.DataFrame = field(default_factory=NO_LEADS.copy)
    deals: pd.DataFrame = field(default_factory=NO_DEALS.copy)
    open_deals: pd.DataFrame = field(default_factory=NO_OPEN_DEALS.copy)
    until: date | None = None

    def drivers(self, as_of: date, horizon: int) -> Drivers:
        """See `BottomUp`."""
        if self._book.column(as_of) >= self._book.mrr.shape[1]:
            return replace(self, until=as_of).drivers(as_of, horizon)
        column, origin = self._book.column(as_of), ordinal(as_of)
        hazards = fit_hazards(self._book, self._traits, column)
        stays, weights = self._stays(hazards, column, horizon, None)
        recent = (self._book.tenure[:, max(column + 1 - RECENT_STARTS, 0) : column + 1] == 1).any(axis=1)
        later, sizes = self._stays(hazards, column, horizon, recent & (self._book.mrr[:, column] > 0))
        pays = np.flatnonzero(self._book.mrr[:, column] > 0)
        pipeline = self.pipeline(as_of)
        signed = np.zeros(horizon)
        signed[: len(pipeline.signed)] = pipeline.signed[:horizon]
        known, coming, other = self._new_business(origin, horizon)
        keeps = np.concatenate([[1.0], weighted(later, sizes)])[:horizon]
        growth = growth_path(self._book, column, horizon)
        return Drivers(
            stock=float(self._book.mrr[pays, column].sum()),
            stays=weighted(stays, weights),
            growth=growth,
            signed=signed,
            open_deals=pipeline.expected(horizon),
            open_ceiling=pipeline.ceiling(),
            known_leads=known,
            coming=coming,
            other=other,
            once=0.0,
            keeps=keeps * np.concatenate([[1.0], growth])[:horizon],
            has_wins=bool(len(self.leads) or len(self.deals)),
        )

    def pipeline(self, as_of: date) -> Pipeline:
        """Open and signed deals of a month end."""
        pays = np.flatnonzero(self._book.mrr[:, self._book.column(as_of)] > 0)
        return pipeline_of(self._history, self._open, ordinal(as_of), pays)

    def _stays(
        self, hazards: Hazards, column: int, horizon: int, starters: BoolArray | None
    ) -> tuple[FloatArray, FloatArray]:
        """P(stays) and MRR of the accounts that pay, or of the given ones as if they had just started."""
        rows = np.flatnonzero(self._book.mrr[:, column] > 0 if starters is None else starters)
        mrr, annual = self._book.mrr[rows, column], self._traits.annual[rows, column]
        tenure = self._book.tenure[rows, column] if starters is None else np.ones(len(rows), dtype=np.int64)
        return hazards.stays(mrr, tenure, annual, self._traits.groups[rows], horizon), mrr

    def _new_business(self, origin: int, horizon: int) -> tuple[FloatArray, FloatArray, FloatArray]:
        """MRR that starts per coming month from known leads, from arrivals to come, and from neither."""
        starts, source = self._book.starts, self._source
        explained = (source >= 0) & (starts.month <= origin)
        rest = (source < 0) & (starts.month <= origin)
        if not len(self.deals) and not len(self.leads):
            first = rest & starts.is_first
            coming = coming_new(monthly_sums(starts.month[first], starts.amount[first], origin), horizon)
            known, rest = np.zeros(horizon), rest & ~starts.is_first
        else:
            size = amount_path(starts.month[explained], starts.amount[explained], origin, horizon)
            known, coming = (count * size for count in self._coming_starts(origin, horizon))
        other = coming_new(monthly_sums(starts.month[rest], starts.amount[rest], origin), horizon)
        return known, coming, other

    def _coming_starts(self, origin: int, horizon: int) -> tuple[FloatArray, FloatArray]:
        """Number of starts per coming month from known leads and from arrivals to come, by way of deals if any."""
        created, known_from, event = self._lead_events
        known = (created <= origin) & (known_from <= origin)
        happened = np.where(event <= origin, event, NEVER)[known]
        shares = lag_shares(created[known], happened, origin, LONGEST)
        waiting = from_waiting(created[known][happened == NEVER], shares, origin, horizon)
        coming = from_coming(_continued(created[known], origin, horizon), shares)
        if not len(self.deals):
            return waiting, coming
        deals = self._history
        open_known = (deals.created <= origin) & (deals.known <= origin)
        begins = lag_shares(deals.created[open_known], deals.started[open_known], origin, LONGEST)
        unled = ~self.deals["lead_id"].isin(self.leads["lead_id"]).to_numpy()
        coming = coming + _continued(deals.created[open_known & unled], origin, horizon)
        return from_coming(waiting, begins), from_coming(coming, begins)

    @cached_property
    def _book(self) -> Book:
        return Book.of(self.movements, self.until)

    @cached_property
    def _traits(self) -> Traits:
        return Traits.of(self._book, self.accounts, self.contracts)

    @cached_property
    def _source(self) -> IntArray:
        """Position of the deal (of a company without deals: of the lead) that explains each start, -1 without one."""
        table = self.deals if len(self.deals) else self.leads
        account, month = self._book.positions(table["account_id"]), month_of(table["created_on"])
        return matched(self._book.starts, account, month, LONGEST)

    @cached_property
    def _lead_events(self) -> tuple[IntArray, IntArray, IntArray]:
        """Month in which each lead was created, from which it was known, and of its first deal (or else its start)."""
        created = month_of(self.leads["created_on"])
        known = np.asarray(np.maximum(created, month_of(self.leads["known_on"])), dtype=np.int64)
        if len(self.deals):
            first = pd.Series(month_of(self.deals["created_on"]), self.deals["lead_id"]).groupby(level=0).min()
            event = np.asarray(self.leads["lead_id"].map(first).fillna(NEVER), dtype=np.int64)
        else:
            event = happened_in(len(self.leads), self._source, self._book.starts.month)
        return created, known, event

    @cached_property
    def _history(self) -> DealHistory:
        created, closed = month_of(self.deals["created_on"]), month_of(self.deals["closed_on"])
        starts = self._book.starts
        source = self._source if len(self.deals) else np.full(len(starts.month), -1, dtype=np.int64)
        started = happened_in(len(self.deals), source, starts.month)
        begun = np.zeros(len(self.deals))
        begun[source[source >= 0]] = starts.amount[source >= 0]
        return DealHistory(
            deal_id=pd.Index(self.deals["deal_id"]),
            account=self._book.positions(self.deals["account_id"]),
            created=created,
            known=np.maximum(created, month_of(self.deals["known_on"])),
            is_won=np.asarray(self.deals["outcome"] == "won", dtype=np.float64),
            closed=closed,
            closed_known=np.maximum(closed, month_of(self.deals["closed_known_on"])),
            started=started,
            amount=self.deals["amount"].to_numpy(np.float64),
            start_mrr=begun,
        )

    @cached_property
    def _open(self) -> pd.DataFrame:
        return self.open_deals.assign(month=month_of(self.open_deals["as_of"]))


def _continued(month: IntArray, origin: int, horizon: int) -> FloatArray:
    """Number of arrivals in each coming month, continued from those so far."""
    return coming_new(monthly_sums(month, np.ones(len(month)), origin), horizon)


@dataclass(frozen=True)
class Purchases:
    """Sales: expected purchases of known customers × their amounts, plus new customers as they develop.

    Attributes:
        purchases: fct_purchases (account_id, purchased_on, amount).
    """

    purchases: pd.DataFrame

    def drivers(self, as_of: date, horizon: int) -> Drivers:
        """See `BottomUp`.

        Raises:
            NoConvergenceError: the purchases known then do not identify the customer model.
        """
        rows = clv_transactional.customers(self.purchases, as_of)
        model = clv_transactional.fit(rows, Terms(months=horizon))
        amount = model.amounts.expected_amount(
            rows["repeat_purchases"].to_numpy(float), rows["mean_amount"].to_numpy(float)
        )
        existing = amount @ model.purchases_by_month(rows, horizon)
        stock = float(existing[0])
        counts, first_amount = self._new(as_of)
        # A cohort arrives in the middle of its month: until the end of the k-th month it has bought E[X(k - 1/2)].
        middles = np.asarray((np.arange(1, horizon + 1) - 0.5) * WEEKS_PER_MONTH, dtype=np.float64)
        repeats = np.diff(model.purchases.expected_purchases(middles), prepend=0.0)
        nothing = np.zeros(horizon)
        return Drivers(
            stock=stock,
            stays=existing / stock if stock > 0 else nothing,
            growth=np.ones(horizon),
            signed=nothing,
            open_deals=nothing,
            open_ceiling=0.0,
            known_leads=nothing,
            coming=coming_new(counts, horizon),
            other=nothing,
            once=first_amount,
            keeps=np.asarray(model.amounts.population_mean() * repeats, dtype=np.float64),
            has_wins=False,
        )

    def _new(self, as_of: date) -> tuple[FloatArray, float]:
        """New customers of every month so far, oldest first, and the mean amount of a first purchase."""
        days = pd.to_datetime(self.purchases["purchased_on"])
        known = self.purchases.assign(day=days)[days <= pd.Timestamp(as_of)].sort_values("day", kind="stable")
        firsts = known.drop_duplicates("account_id")
        counts = monthly_sums(month_of(firsts["day"]), np.ones(len(firsts)), ordinal(as_of))
        return counts, float(firsts["amount"].astype(float).mean())
