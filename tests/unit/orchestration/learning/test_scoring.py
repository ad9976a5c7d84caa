from datetime import date

import duckdb
import pytest

from orchestration.learning.scoring import SCORINGS
from orchestration.learning.training_inputs import clv_sources, clv_terms
from tests.factories import company


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    """A shop with a purchase a month, whose data end on 12 June."""
    made = duckdb.connect()
    made.execute("create schema marts; create schema intermediate")
    made.execute("create table intermediate.int_observation_window as select date '2024-05-31' as last_as_of")
    made.execute(
        "create table marts.fct_purchases as select 'b' || n as account_id, day::date as purchased_on, 10.0 as amount "
        "from range(5) as t(n), range(date '2024-01-02', date '2024-06-13', interval 1 month) as days(day)"
    )
    return made


@pytest.mark.parametrize(("as_of", "stated"), [(date(2024, 5, 31), 5), (date(2024, 6, 30), 0)])
def test_nothing_is_stated_about_a_month_that_the_data_do_not_cover(
    connection: duckdb.DuckDBPyConnection, as_of: date, stated: int
) -> None:
    """A month that is over, but not in the data yet, gets no statement instead of one on half of it."""
    shop = company(business_model="transactional")
    sources, _ = clv_sources(connection, shop)
    champion = sources.fallback(date(2024, 5, 31), clv_terms(shop))
    assert len(SCORINGS["clv"].rows(connection, shop, champion, as_of)) == stated
