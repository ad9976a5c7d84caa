from datetime import datetime
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from ingestion.contract import TABLES
from ingestion.simulator.block import BLOCK_ACCOUNTS, Block, World, make_block
from ingestion.simulator.faults import with_faults

PARENTS = [
    ("leads", "account_id", "accounts"),
    ("lead_stage_events", "lead_id", "leads"),
    ("touchpoints", "lead_id", "leads"),
    ("touchpoints", "account_id", "accounts"),
    ("deals", "lead_id", "leads"),
    ("deals", "account_id", "accounts"),
    ("deal_stage_events", "deal_id", "deals"),
    ("subscriptions", "account_id", "accounts"),
    ("subscriptions", "renewed_from", "subscriptions"),
    ("transactions", "account_id", "accounts"),
    ("product_usage", "account_id", "accounts"),
    ("support_tickets", "account_id", "accounts"),
    ("survey_responses", "account_id", "accounts"),
    ("account_actions", "account_id", "accounts"),
]


def _frame(block: Block, name: str) -> pd.DataFrame:
    """The newest version of each row."""
    frame = block.source[name].to_pandas()
    return frame.drop_duplicates(TABLES[name].key, keep="last")


@pytest.mark.parametrize(("child", "column", "parent"), PARENTS)
def test_clean_rows_have_their_parent(clean: Block, child: str, column: str, parent: str) -> None:
    """Without faults every reference points to a row that exists."""
    keys = _frame(clean, child)[column].dropna()
    assert set(keys) <= set(clean.source[parent][TABLES[parent].key].to_pylist())


def test_the_number_of_accounts_is_exact(clean: Block) -> None:
    """A block has as many accounts as asked for, each opened by one lead."""
    accounts = _frame(clean, "accounts")
    assert len(accounts) == 150
    assert _frame(clean, "leads")["account_id"].dropna().is_unique


def test_everything_happens_within_the_period(clean: Block) -> None:
    """No instant that has happened lies outside the simulated period, and none is known before it happened."""
    for name, table in clean.source.items():
        event = TABLES[name].event_time
        frame = table.to_pandas()
        known = frame["modified_at"].dt.tz_localize(None)
        happened = pd.to_datetime(frame[event]).dt.tz_localize(None)
        assert known.notna().all()
        assert happened.min() >= datetime(2023, 1, 1)
        assert max(happened.max(), known.max()) < datetime(2026, 1, 1)
        assert (known >= happened.dt.floor("D")).all(), name


def test_versions_of_a_key_differ_in_their_clock(clean: Block) -> None:
    """A key has at most one version at any instant."""
    for name, table in clean.source.items():
        frame = table.to_pandas()
        assert not frame.duplicated([TABLES[name].key, "modified_at"]).any(), name


def test_stage_dates_are_in_order(clean: Block) -> None:
    """Without faults a lead enters its stages in the order of the lifecycle."""
    events = _frame(clean, "lead_stage_events")
    wide = events.pivot_table(index="lead_id", columns="stage", values="entered_at", aggfunc="first")
    order = ["lead", "mql", "sql", "opportunity", "customer", "churned"]
    for before, after in pairwise(order):
        both = wide[[before, after]].dropna()
        assert (both[before] < both[after]).all()


def test_rule_scores_agree_with_the_stage(clean: Block) -> None:
    """An MQL scores at most 109; an SQL at least 110 unless a consultation was booked at that moment."""
    events = _frame(clean, "lead_stage_events")
    mql, sql = events[events["stage"] == "mql"], events[events["stage"] == "sql"]
    assert mql["source_score"].between(0, 109).all()
    assert sql[sql["reason"].isna()]["source_score"].between(110, 200).all()
    touches = _frame(clean, "touchpoints")
    consulted = set(touches[touches["kind"] == "consultation_booked"]["lead_id"])
    assert consulted == set(sql[sql["reason"] == "consultation_booked"]["lead_id"])


def test_contracts_follow_one_another_without_gap(clean: Block) -> None:
    """A renewal starts on the day the period before it ended, and one account has one running contract at most."""
    periods = _frame(clean, "subscriptions")
    renewals = periods[periods["renewed_from"].notna()]
    joined = renewals.merge(
        periods, left_on="renewed_from", right_on="subscription_id", suffixes=("", "_before"), validate="one_to_one"
    )
    assert len(joined) > 20
    assert (joined["started_on"] == joined["ended_on_before"]).all()
    running = periods[periods["ended_on"].isna()]
    assert running["account_id"].is_unique


def test_annual_contracts_end_at_their_anniversary(clean: Block) -> None:
    """An annual period that ended ran for a year."""
    periods = _frame(clean, "subscriptions")
    ended = periods[(periods["billing_period"] == "annual") & periods["ended_on"].notna()]
    assert len(ended) > 10
    length = pd.to_datetime(ended["ended_on"]) - pd.to_datetime(ended["started_on"])
    assert length.dt.days.isin([365, 366]).all()


def test_contract_days_keep_away_from_month_ends(clean: Block) -> None:
    """Paid contracts begin and end on the 2nd to 27th, so that month ends and the 90 days after them are plain."""
    periods = _frame(clean, "subscriptions")
    paid = periods[~periods["is_trial"]]
    days = pd.concat([pd.to_datetime(paid["started_on"]), pd.to_datetime(paid["ended_on"].dropna())]).dt.day
    assert days.between(2, 27).all()


def test_invoices_bill_the_running_price(clean: Block) -> None:
    """An invoice on the day a monthly contract starts has its monthly price, an annual one twelve times that."""
    periods = _frame(clean, "subscriptions")
    bills = _frame(clean, "transactions")
    bills = bills[bills["kind"] == "invoice"].assign(
        started_on=lambda t: t["occurred_at"].dt.tz_localize(None).dt.normalize()
    )
    paid = periods[~periods["is_trial"]].assign(started_on=lambda t: pd.to_datetime(t["started_on"]))
    joined = paid.merge(bills, on=["account_id", "started_on"], validate="one_to_one")
    assert len(joined) == len(paid)
    months = np.where(joined["billing_period"] == "annual", 12, 1)
    ratio = joined["amount"].astype(float) / joined["mrr"].astype(float)
    assert np.allclose(ratio, months)


def test_usage_only_while_under_contract(clean: Block) -> None:
    """Without faults nobody uses the product before the first or after the last contract day."""
    usage = _frame(clean, "product_usage").groupby("account_id")["used_on"].agg(["min", "max"])
    periods = (
        _frame(clean, "subscriptions")
        .groupby("account_id")
        .agg(first=("started_on", "min"), last=("ended_on", lambda ends: ends.max() if ends.notna().all() else None))
    )
    joined = usage.join(periods, how="left")
    assert (joined["min"] >= joined["first"]).all()
    gone = joined[joined["last"].notna()]
    assert (gone["max"] < gone["last"]).all()


def test_full_blocks_do_not_depend_on_the_size_of_the_company(world: World) -> None:
    """A block is the same whether the company has one block or many, and blocks share no key."""
    first, again = make_block(world, 0, BLOCK_ACCOUNTS), make_block(world, 0, BLOCK_ACCOUNTS)
    second = make_block(world, 1, BLOCK_ACCOUNTS)
    for name, table in first.source.items():
        assert table.equals(again.source[name])
        key = TABLES[name].key
        assert not set(table[key].to_pylist()) & set(second.source[name][key].to_pylist()), name


def test_no_messiness_changes_nothing(world: World, clean: Block) -> None:
    """At rate 0 the tables stay as they are and no fault is listed."""
    messy, faults = with_faults(clean.source, world.calendar, 0.0, np.random.default_rng(0))
    assert faults.num_rows == 0
    assert all(table.equals(clean.source[name]) for name, table in messy.items())


def test_faults_come_at_the_set_rate(world: World, clean: Block) -> None:
    """Listed faults of a rule are about the set share of the rows in question."""
    _, faults = with_faults(clean.source, world.calendar, 0.1, np.random.default_rng(0))
    counts = faults.to_pandas().value_counts(["rule", "table_name"])
    persons = len(_frame(clean, "leads"))
    assert counts["duplicate_person", "leads"] == pytest.approx(0.1 * persons, rel=0.3)
    assert counts["orphan_row", "touchpoints"] == pytest.approx(0.1 * len(_frame(clean, "touchpoints")), rel=0.1)


def test_struck_rows_show_their_fault(world: World, clean: Block) -> None:
    """The rows listed under a rule have that fault, in the newest version."""
    messy, listed = with_faults(clean.source, world.calendar, 0.1, np.random.default_rng(0))
    faults = listed.to_pandas()

    def rows(rule: str, name: str) -> pd.DataFrame:
        keys = faults[(faults["rule"] == rule) & (faults["table_name"] == name)]["row_key"]
        assert len(keys) > 0
        frame = messy[name].to_pandas()
        return frame[frame[TABLES[name].key].isin(keys)].drop_duplicates(TABLES[name].key, keep="last")

    assert rows("closed_deal_without_close_date", "deals")["closed_at"].isna().all()
    assert (rows("closed_deal_without_close_date", "deals")["outcome"] != "open").all()
    assert (rows("overdue_open_deal", "deals")["outcome"] == "open").all()
    assert rows("stage_without_date", "lead_stage_events")["entered_at"].isna().all()
    assert rows("negative_money", "transactions")["amount"].str.startswith("-").all()
    assert (rows("score_out_of_range", "survey_responses")["score"] > 10).all()
    assert rows("currency_missing", "transactions")["currency"].isna().all()
    assert rows("consent_missing", "leads")["consent"].isna().all()
    assert (rows("unreadable_amount", "transactions")["amount"] == "n/a").all()
