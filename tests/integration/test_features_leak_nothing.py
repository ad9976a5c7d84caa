"""Old months are built again after the future has come: not one value may change."""

import os
import random
import subprocess
import sys
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from feature_definitions import registry
from feature_definitions.base import FeatureView
from feature_definitions.checks import validate_table
from feature_definitions.point_in_time import training_sql
from tests import factories

pytestmark = pytest.mark.slow  # two dbt builds per company

DBT_FOLDER = Path(__file__).resolve().parents[2] / "dbt_project"
CUT = date(2023, 9, 30)
FIRST = date(2023, 1, 1)
DAYS = 480
# What is filled into a row later, and the day that says when.
LATER_FILLED = {
    "subscriptions": {"ended_on": ("ended_on",)},
    "transactions": {"paid_at": ("paid_at",)},
    "support_tickets": {
        "first_response_at": ("first_response_at",),
        "resolved_at": ("resolved_at", "csat", "escalated"),
    },
    "deals": {"closed_at": ("closed_at", "outcome", "lost_reason")},
}
Row = dict[str, Any]
Tables = dict[str, list[Row]]


def _build(warehouse: Path, first: str = "1900-01-01", last: str = "2999-12-31") -> None:
    """Build the feature tables and what they read, in a process of its own."""
    dbt = [str(Path(sys.executable).parent / "dbt"), "--quiet", "--no-use-colors", "--log-level-file", "none", "build"]
    places = ["--project-dir", str(DBT_FOLDER), "--profiles-dir", str(DBT_FOLDER)]
    selection = ["--select", "+path:models/features", "--exclude-resource-types", "test", "unit_test"]
    variables = {"LIFECYCLE_WAREHOUSE": str(warehouse), "DO_NOT_TRACK": "1"}
    months = {"LIFECYCLE_AS_OF_START": first, "LIFECYCLE_AS_OF_END": last}
    result = subprocess.run(  # noqa: S603 - fixed arguments
        [*dbt, *places, *selection, "--target-path", str(warehouse.parent / "target")],
        env=os.environ | variables | months,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


class _Source:
    """A company drawn at random: late rows, corrected rows, deals that close, tickets that are resolved."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - test data
        self.tables: Tables = {}

    def day(self, after: date = FIRST, spread: int = DAYS) -> date:
        return after + timedelta(self._random.randrange(spread))

    def pick(self, *values: Any) -> Any:  # noqa: ANN401 - values of any kind
        return self._random.choice(values)

    def maybe(self, value: Any, share: float = 0.7) -> Any:  # noqa: ANN401 - values of any kind
        return value if self._random.random() < share else None

    def number(self, most: int) -> int:
        return self._random.randrange(most)

    def add(self, table: str, on: date, row: Row, **changes: Any) -> None:  # noqa: ANN401 - values of any kind
        """Add a row that may be known late, and sometimes a later version of it with `changes`."""
        known = on + timedelta(self.pick(0, 0, 0, 3, 45))
        rows = self.tables.setdefault(table, [])
        rows.append({**row, "known_at": f"{known} 18:00:00"})
        if changes and self._random.random() < 0.4:
            rows.append({**row, **changes, "known_at": f"{self.day(known, 200)} 19:00:00"})


def _source(seed: int) -> Tables:
    draw = _Source(seed)
    for number in range(30):
        _add_customer(draw, f"a{number}")
    for number in range(120):
        _add_lead(draw, f"l{number}", f"a{draw.number(40)}")
    return draw.tables


def _add_customer(draw: _Source, account: str) -> None:
    draw.add(
        "accounts",
        created := draw.day(spread=200),
        {"account_id": account, "industry": draw.pick("retail", "software"), "created_at": created},
        industry="finance",
        employee_count=12,
    )
    for period in range(3):
        start = draw.day()
        end = draw.maybe(draw.day(start + timedelta(20)), 0.5)
        row = {"subscription_id": f"{account}-{period}", "account_id": account, "started_on": start, "ended_on": end}
        terms = {"mrr": 10 + draw.number(90), "seats": 5, "billing_period": "monthly", "plan": "basic"}
        draw.add("subscriptions", start, row | terms, mrr=200, plan="plus")
    for index in range(25):
        _add_activity(draw, account, f"{account}-{index}")


def _add_activity(draw: _Source, account: str, key: str) -> None:
    on = draw.day()
    base = {"account_id": account}
    draw.add(
        "product_usage", on, base | {"usage_id": key, "used_on": on, "events": draw.number(50), "feature": key[-1]}
    )
    draw.add(
        "transactions",
        on,
        base
        | {"transaction_id": key, "amount": 1 + draw.number(90), "kind": draw.pick("invoice", "order", "refund")}
        | {"occurred_at": f"{on} 10:00:00", "paid_at": draw.maybe(f"{draw.day(on, 90)} 11:00:00")},
        amount=7,
    )
    resolved = draw.maybe(f"{draw.day(on, 90)} 12:00:00")
    draw.add(
        "support_tickets",
        on,
        base
        | {"ticket_id": key, "opened_at": f"{on} 09:00:00", "first_response_at": f"{draw.day(on, 9)} 12:00:00"}
        | {"resolved_at": resolved, "csat": resolved and 4, "escalated": bool(resolved) and draw.pick(True, False)},
    )
    answer = {"response_id": key, "kind": draw.pick("nps", "csat"), "score": draw.number(13)}
    draw.add("survey_responses", on, base | answer | {"responded_at": f"{on} 09:00:00"}, score=2)
    action = {"action_id": key, "kind": "call", "started_at": f"{on} 09:00:00", "holdout": draw.pick(True, False)}
    draw.add("account_actions", on, base | action)


def _add_lead(draw: _Source, lead: str, account: str) -> None:
    on = draw.day(spread=400)
    person = {"lead_id": lead, "created_at": f"{on} 08:00:00", "lead_source": "web", "seniority": "director"}
    draw.add("leads", on, person, account_id=account, lead_source="event")
    for index, stage in enumerate(("mql", "sql", "customer")):
        entered = draw.day(on, 60)
        event = {"event_id": f"{lead}-{stage}", "lead_id": lead, "stage": stage, "source_score": draw.number(100)}
        if draw.maybe(stage, 0.8 - 0.25 * index):
            draw.add("lead_stage_events", entered, event | {"entered_at": f"{entered} 10:00:00"})
    for index in range(12):
        at = draw.day(on, 120)
        kind = draw.pick("email_click", "webinar", "call", "page_view")
        touch = {"touchpoint_id": f"{lead}-{index}", "lead_id": draw.maybe(lead), "account_id": draw.maybe(account)}
        draw.add("touchpoints", at, touch | {"kind": kind, "channel": "web", "occurred_at": f"{at} 10:00:00"})
    _add_deal(draw, lead, account, draw.day(on, 90))


def _add_deal(draw: _Source, lead: str, account: str, on: date) -> None:
    closed = draw.maybe(f"{draw.day(on, 200)} 15:00:00")
    deal = {"deal_id": f"d-{lead}", "lead_id": lead, "account_id": draw.maybe(account), "owner_id": draw.pick("x", "y")}
    state = {"closed_at": closed, "outcome": draw.pick("won", "lost") if closed else "open"}
    terms = {"amount": 100 + draw.number(900), "created_at": f"{on} 08:00:00", "expected_close_on": draw.day(on, 60)}
    draw.add("deals", on, deal | state | terms, amount=555, owner_id="z")
    for index in range(3):
        at = draw.day(on, 90)
        event = {"event_id": f"{lead}-{index}", "deal_id": f"d-{lead}", "stage": f"stage {index}", "probability": 0.3}
        draw.add("deal_stage_events", at, event | {"entered_at": f"{at} 10:00:00"})


def _as_known_at_cut(tables: Tables) -> Tables:
    """The rows that were known at the cut, without what was filled in later."""
    return {
        name: [_masked(name, row) for row in rows if row["known_at"][:10] <= str(CUT)] for name, rows in tables.items()
    }


def _masked(table: str, row: Row) -> Row:
    masked = dict(row)
    for day, columns in LATER_FILLED.get(table, {}).items():
        if row.get(day) and str(row[day])[:10] > str(CUT):
            masked |= {column: "open" if column == "outcome" else None for column in columns}
    return masked


def _land(warehouse: Path, tables: Mapping[str, list[Row]], model: str) -> None:
    """Replace all raw rows."""
    rules = {"seniority": {"director": 40}, "touchpoint_kind": {"webinar": 30, "call": 60}}
    company = factories.company(business_model=model, data_until="2024-04-30", rule_score=rules)
    if warehouse.exists():
        with duckdb.connect(str(warehouse)) as con:
            for name in tables:
                con.execute(f"truncate raw.{name}")
    factories.raw_warehouse(warehouse, tables, company)


def _rows(warehouse: Path, view: FeatureView, condition: str) -> pd.DataFrame:
    with duckdb.connect(str(warehouse), read_only=True) as con:
        return con.sql(f"select * from {view.table} where {condition} order by as_of, {view.entity}").df()


def _training_rows(warehouse: Path) -> bytes:
    """Every view's features for label rows of any day up to the cut, as a file."""
    days = [f"('a{n % 30}', 'l{n % 120}', 'd-l{n % 120}', date '{CUT}' - {7 * (n % 40)})" for n in range(400)]
    with duckdb.connect(str(warehouse)) as con:
        columns = "labels (account_id, lead_id, deal_id, decided_on)"
        con.execute(f"create temp table decisions as select * from (values {', '.join(days)}) as {columns}")
        con.execute("create temp table numbered as select row_number() over () as label_position, * from decisions")
        sql = training_sql(registry.VIEWS, "numbered", "decided_on", full_names=True)
        path = warehouse.parent / "training.parquet"
        con.execute(f"copy ({sql}) to '{path}'")
        found = con.execute(
            "select count(feat_customer_usage_as_of), count(feat_lead_profile_as_of), count(feat_deal_pipeline_as_of) "
            f"from '{path}'"
        ).fetchall()[0]
    assert min(found) > 20
    return path.read_bytes()


@pytest.fixture(scope="module", params=["contractual", "transactional"])
def built_twice(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Features of the months up to the cut, built at the cut and again with all that came later."""
    warehouse = tmp_path_factory.mktemp(request.param) / "warehouse.duckdb"
    tables = _source(seed=7)
    _land(warehouse, _as_known_at_cut(tables), request.param)
    _build(warehouse)
    old = {view.name: _rows(warehouse, view, f"as_of <= '{CUT}'") for view in registry.VIEWS}
    later = {view.name: _rows(warehouse, view, f"as_of > '{CUT}'") for view in registry.VIEWS}
    training = _training_rows(warehouse)
    _land(warehouse, tables, request.param)
    _build(warehouse, last=str(CUT))
    return {"warehouse": warehouse, "old": old, "later": later, "training": training}


@pytest.mark.parametrize("view", registry.VIEWS, ids=lambda view: view.name)
def test_features_of_old_months_do_not_know_the_future(built_twice: dict[str, Any], view: FeatureView) -> None:
    """Rows and values known later, or dated later, change nothing in a month that is built again."""
    old = built_twice["old"][view.name]
    assert len(old) > 20
    pd.testing.assert_frame_equal(_rows(built_twice["warehouse"], view, f"as_of <= '{CUT}'"), old, check_exact=True)


def test_training_set_of_yesterday_is_the_same_file(built_twice: dict[str, Any]) -> None:
    """Late rows and old months built again change not one byte of the features of yesterday's label rows."""
    assert _training_rows(built_twice["warehouse"]) == built_twice["training"]


@pytest.mark.parametrize("view", registry.VIEWS, ids=lambda view: view.name)
def test_restricted_run_leaves_the_other_months_alone(built_twice: dict[str, Any], view: FeatureView) -> None:
    """A run for some months replaces these months and no other."""
    later = built_twice["later"][view.name]
    assert len(later) > 0
    pd.testing.assert_frame_equal(_rows(built_twice["warehouse"], view, f"as_of > '{CUT}'"), later, check_exact=True)


@pytest.mark.parametrize("view", registry.VIEWS, ids=lambda view: view.name)
def test_feature_tables_are_what_their_views_declare(built_twice: dict[str, Any], view: FeatureView) -> None:
    """The table dbt builds has the declared columns, types and limits."""
    with duckdb.connect(str(built_twice["warehouse"]), read_only=True) as con:
        assert validate_table(con, view) == []


def test_customer_views_have_the_same_rows(built_twice: dict[str, Any]) -> None:
    """Every view of customers has one row for each customer and month, no more and no fewer."""
    keys = [built_twice["old"][view.name][["account_id", "as_of"]] for view in registry.views_for("churn")]
    for other in keys[1:]:
        pd.testing.assert_frame_equal(keys[0], other)


def test_lead_views_have_the_same_rows(built_twice: dict[str, Any]) -> None:
    """Both views of leads have one row for each open lead and day of scoring."""
    profile, engagement = (built_twice["old"][view.name] for view in registry.views_for("lead_score"))
    keys = ["lead_id", "as_of", "as_of_month"]
    pd.testing.assert_frame_equal(profile[keys], engagement[keys])


@pytest.mark.parametrize("model", ["contractual", "transactional"])
def test_source_with_one_table_has_features_without_values(tmp_path: Path, model: str) -> None:
    """A source without usage, tickets, surveys, leads and deals gives rows with zero counts and null ratios."""
    table = "subscriptions" if model == "contractual" else "transactions"
    rows = [
        {"account_id": "a1", "started_on": "2023-02-01", "mrr": 10}
        if model == "contractual"
        else {"account_id": "a1", "kind": "order", "amount": 10, "occurred_at": "2023-02-01"}
    ]
    warehouse = tmp_path / "warehouse.duckdb"
    _land(warehouse, {table: rows}, model)
    _build(warehouse)
    usage = _rows(warehouse, registry.view("feat_customer_usage"), "as_of = '2023-03-31'")
    assert usage[["events_28d_count", "users_28d_count"]].to_numpy().tolist() == [[0.0, 0.0]]
    assert usage[["usage_28d_trend_ratio", "last_usage_days"]].isna().all(axis=None)
    assert len(_rows(warehouse, registry.view("feat_lead_profile"), "true")) == 0
    with duckdb.connect(str(warehouse), read_only=True) as con:
        assert [validate_table(con, view) for view in registry.VIEWS] == [[]] * len(registry.VIEWS)
