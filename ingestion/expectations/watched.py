"""What of each raw table is compared with the table's own history, and how far it may stray.

Belongs here: the columns a person would look at first, table by table, and the limits. Does not belong here: what a
row must look like to be accepted (`ingestion.contract`; its expectations follow from it by themselves).
"""

from dataclasses import dataclass
from typing import Final

HISTORY_MONTHS: Final = 12
# Volume grows: only the newest half year says what is usual.
VOLUME_MONTHS: Final = 6
LEAST_MONTHS: Final = 6
LEAST_GAPS: Final = 6
# A quantile or a share of fewer rows moves by chance alone.
LEAST_ROWS: Final = 20
# Rows of the newest month: from a third of the least to three times the most of the months before.
VOLUME_FACTOR: Final = 3.0
# A quantile may leave the range it had by the width of that range, or by half its own size if that is more.
QUANTILE_SLACK: Final = 0.5
QUANTILES: Final = (0.1, 0.5, 0.9)
MISSING_SLACK: Final = 0.1
# More values than these are no list of words.
MOST_WORDS: Final = 50


@dataclass(frozen=True)
class Watch:
    """What is watched of one table.

    Attributes:
        measures: numbers whose median and outer deciles should stay near those of earlier months.
        words: columns with a short list of values; a new value is told, because a mapping may not know it.
        fills_later: columns that a row gets as it ages, so the newest month lacks them by nature.
        has_rhythm: rows keep coming, so that silence means something.
    """

    measures: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    fills_later: tuple[str, ...] = ()
    has_rhythm: bool = True


WATCHED: Final[dict[str, Watch]] = {
    # A shop's buyers may all have come in one campaign: no new account is no fault.
    "accounts": Watch(("employee_count", "annual_revenue"), ("industry", "region"), has_rhythm=False),
    "leads": Watch((), ("lead_source", "seniority", "region"), ("account_id",)),
    "lead_stage_events": Watch(("source_score",), ()),
    "touchpoints": Watch((), ("channel", "kind"), ("account_id",)),
    "deals": Watch(("amount",), ("pipeline", "currency"), ("account_id", "closed_at", "lost_reason")),
    "deal_stage_events": Watch(("probability",), ("stage",)),
    "subscriptions": Watch(("mrr", "seats"), ("plan", "currency", "billing_period"), ("ended_on",)),
    "transactions": Watch(("amount",), ("currency",), ("paid_at",)),
    "product_usage": Watch(("active_users", "events", "minutes", "errors"), ("feature",)),
    "support_tickets": Watch(("csat",), ("priority",), ("first_response_at", "resolved_at", "csat")),
    "survey_responses": Watch(("score",), ()),
    "marketing_spend": Watch(("amount",), ("channel", "currency")),
    "account_actions": Watch((), ("kind",), ("outcome",)),
}
