"""Money in several currencies: what it becomes, and what happens where a rate is missing."""

import re
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from orchestration.transformations.dbt_command import DbtError, run_dbt
from tests import factories
from tests.dbt_builds import NOT_FEATURES, Query

pytestmark = pytest.mark.slow  # three dbt builds

# Euro reference rates of the US dollar: 1.0837 on 31 January 2024 (for February), 1.0826 on 29 February 2024 (March).
CONTRACT_MRR = Decimal("101.61")  # 110 / 1.0826 = 101.607...
INVOICE_AMOUNT = Decimal("1219.29")  # 1320 / 1.0826 = 1219.287...
DEAL_AMOUNT = Decimal("1218.05")  # 1320 / 1.0837 = 1218.049...: the deal was created in February
ORDER_AMOUNT = Decimal("50.75")  # 55 / 1.0837 = 50.752...


def test_contract_keeps_the_rate_of_its_start(miniature_contractual: Query) -> None:
    """A contract in dollars has the same revenue in euros every month, so that no movement comes from a currency."""
    months = miniature_contractual(
        "select opening_mrr, new_mrr, expansion_mrr, contraction_mrr, closing_mrr from marts.fct_mrr_movements"
        " where account_id = 'a5' order by month_start"
    )
    zero = Decimal(0)
    assert months[0] == (zero, CONTRACT_MRR, zero, zero, CONTRACT_MRR)
    assert months[1:] == [(CONTRACT_MRR, zero, zero, zero, CONTRACT_MRR)] * 15


def test_amounts_as_given_stand_beside_the_converted(miniature_contractual: Query) -> None:
    """A deal and an invoice in dollars are shown in euros, and the deal in dollars too."""
    assert miniature_contractual("select amount, given_amount, currency from marts.fct_deals where deal_id = 'd5'") == [
        (DEAL_AMOUNT, Decimal(1320), "USD")
    ]
    assert miniature_contractual("select amount from marts.fct_purchases where account_id = 'a5'") == [
        (INVOICE_AMOUNT,)
    ]


def test_orders_are_converted(miniature_transactional: Query) -> None:
    """An order in dollars counts in euros."""
    assert miniature_transactional(
        "select amount from marts.fct_purchases where account_id = 'b4' order by purchased_on"
    ) == [(ORDER_AMOUNT,), (Decimal(60),)]


def test_converted_money_is_told(miniature_contractual: Query) -> None:
    """One finding per table and currency says that money was converted; it accuses nobody."""
    found = miniature_contractual(
        "select severity, table_name, row_key, message, rows_count from marts.fct_data_quality_findings"
        " where rule = 'foreign_currency' order by 2"
    )
    assert found == [
        ("info", "deals", "USD", "Converted from USD to EUR: 1 row(s).", 1),
        ("info", "subscriptions", "USD", "Converted from USD to EUR: 1 row(s).", 1),
        ("info", "transactions", "USD", "Converted from USD to EUR: 1 row(s).", 1),
    ]


def test_missing_rate_stops_the_build(tmp_path: Path) -> None:
    """The message names currency, month, table, rows and the mend, and nothing that reads money is built."""
    rows = {
        "transactions": [
            {"account_id": "a", "amount": 1, "currency": "XAF", "occurred_at": "2024-03-05"},
            {"account_id": "a", "amount": 2, "currency": "XAF", "occurred_at": "2024-03-06"},
            {"account_id": "a", "amount": 3, "currency": "USD", "occurred_at": "2024-03-07"},
        ],
        "subscriptions": [{"account_id": "a", "mrr": 5, "currency": "XAF", "started_on": "2023-12-01"}],
    }
    warehouse = factories.raw_warehouse(tmp_path / "warehouse.duckdb", rows)
    with pytest.raises(DbtError) as failure:
        run_dbt("build", *NOT_FEATURES, warehouse=warehouse, target=tmp_path / "target")
    told = re.sub(r"\s+", " ", str(failure.value))
    assert "XAF for 2023-12-01: 1 row(s) of subscriptions XAF for 2024-03-01: 2 row(s) of transactions" in told
    assert "Add a line per currency and month to dbt_project/seeds/exchange_rates.csv" in told
    with duckdb.connect(str(warehouse)) as con:
        built = {name for (name,) in con.execute("select table_name from duckdb_tables()").fetchall()}
    assert "int_money_currencies" in built
    assert not built & {"int_subscription_periods", "fct_mrr_movements", "fct_purchases", "fct_deals"}
