import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import duckdb
import pandas as pd
import pytest

from feature_definitions import registry as views
from feature_definitions.base import FeatureView
from feature_definitions.online import OnlineFeatures
from ingestion import landing
from ml import registry
from ml.models import churn, tabular
from ml.models.revenue_drivers import Levers
from ml.models.revenue_scenario import scenario_rows
from ml.training_frames import training_frame
from ml.training_sets import manifests
from orchestration import snapshot
from orchestration.environment import environment
from orchestration.learning import frames, training_sets
from orchestration.learning.training_inputs import FRAMERS, churn_params
from orchestration.reports import scenario
from orchestration.resources import Deployment
from orchestration.run import run
from tests import small_companies
from tests.runs import champions, content, kept_environment, query, rows_are_accounted_for, versions

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # each run builds the whole warehouse

MODELS = {"churn", "clv", "lead_score", "win_probability", "revenue"}
LEDGERS = ("churn", "clv", "lead_score", "win_probability", "revenue")


@pytest.fixture(scope="module", autouse=True)
def _environment() -> Iterator[None]:
    with kept_environment():
        yield


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """A company with contracts, after one run."""
    folder = tmp_path_factory.mktemp("contract")
    deployment = small_companies.deploy(folder, "contract", "contractual", small_companies.contractual())
    run(deployment)
    return deployment


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """A shop after one run, whose export has every kind of oddity: no leads, a bad amount, an order in the future."""
    folder = tmp_path_factory.mktemp("shop")
    tables = small_companies.transactional() | {"leads": []}
    odd = {"account_id": "b1", "kind": "order", "occurred_at": "2023-05-05"}
    tables["transactions"] += [
        odd | {"transaction_id": "bad", "amount": "ten euros"},
        odd | {"transaction_id": "future", "amount": "10", "occurred_at": "2031-05-05"},
        odd | {"transaction_id": "stranger", "amount": "10", "account_id": "nobody"},
    ]
    deployment = small_companies.deploy(folder, "shop", "transactional", tables)
    run(deployment)
    return deployment


def ledger_rows(deployment: Deployment) -> dict[str, int]:
    with deployment.warehouse(read_only=True) as connection:
        tables = connection.execute(
            "select table_name from information_schema.tables "
            "where table_schema = 'predictions' and table_type = 'BASE TABLE'"
        ).fetchall()
        return {name: connection.execute(f"from predictions.{name}").df().shape[0] for (name,) in tables}


def test_a_run_publishes_what_the_source_says(contract: Deployment) -> None:
    """From files to snapshot: the accounts, subscriptions and leads of the source are all in what readers see."""
    published = content(contract)
    assert len(published["dim_accounts"]) == 30
    assert len(published["fct_lead_lifecycle"]) == 80
    assert len(published["fct_deals"]) == 40
    assert {"churn_predictions", "clv_predictions", "revenue_predictions", "trainings"} <= set(published)
    made = snapshot.current(contract.published)
    assert made is not None
    assert made.as_of == str(small_companies.LAST_DAY)


def test_both_faces_of_the_snapshot_agree(contract: Deployment) -> None:
    """Every published table has as many rows in SQLite as in DuckDB."""
    made = snapshot.current(contract.published)
    assert made is not None
    with sqlite3.connect(made.path(contract.published) / "lookup.sqlite") as lookup:
        counts = {name: lookup.execute(f'select count(*) from "{name}"').fetchone()[0] for name in made.rows}
    lookup.close()
    assert counts == {name: len(rows) for name, rows in content(contract).items()} == made.rows


def test_every_model_has_a_champion(contract: Deployment, shop: Deployment) -> None:
    """Even where data lack, something honest is served: a champion of each model, validated or a fallback."""
    for deployment in (contract, shop):
        assert champions(deployment) == MODELS


def test_every_training_set_is_stored_and_can_be_made_again(contract: Deployment) -> None:
    """A model that reads features keeps its rows under the hash its versions name; the warehouse gives them again."""
    stored = {made.origin.model: made.content_hash for made in manifests(contract.training_sets)}
    assert set(stored) == {"churn", "lead_score", "win_probability"}
    named = {version.name: version.tags for version in registry.versions(contract.model_store())}
    assert {model: named[model]["training_set"] for model in stored} == {
        model: f"training_sets/{content_hash}" for model, content_hash in stored.items()
    }
    assert [training_sets.reproduce(contract, content_hash)[1] for content_hash in stored.values()] == [[], [], []]


def test_every_check_was_evaluated(contract: Deployment) -> None:
    """No declared check of the graph goes without a result in a run."""
    from orchestration.build import build_defs

    declared = {
        spec.key for item in build_defs(contract).resolve_asset_graph().assets_defs for spec in item.check_specs
    }
    with dg.DagsterInstance.get() as instance:
        found = instance.event_log_storage.get_latest_asset_check_execution_by_key(sorted(declared))
        statuses = {key: str(found[key].status) if key in found else "never evaluated" for key in declared}
    missing = {str(key): status for key, status in statuses.items() if "PLANNED" in status or "never" in status}
    assert missing == {}
    # A result without the materialization that it is about is shown as "not evaluated".
    aimless = [
        str(key)
        for key in declared
        if (event := found[key].event) is None
        or event.get_dagster_event().asset_check_evaluation_data.target_materialization_data is None
    ]
    assert aimless == []


def test_rows_read_are_accepted_or_quarantined(contract: Deployment, shop: Deployment) -> None:
    """No row of the source is lost between the file and the tables."""
    for deployment in (contract, shop):
        assert rows_are_accounted_for(deployment)


def test_oddities_do_not_stop_a_run(shop: Deployment) -> None:
    """A bad amount and an order of the future are quarantined with line and reason; an unknown buyer is a finding."""
    said = [" ".join(reasons) for (reasons,) in query(shop, "select reasons from quarantine.transactions order by 1")]
    assert len(said) == 2
    assert "column amount: 'ten euros' is not a DECIMAL" in said[0]
    assert "column occurred_at: '2031-05-05' is in the future" in said[1]
    found = content(shop)["fct_data_quality_findings"]
    assert "stranger" in " ".join(found["row_key"])


def test_a_header_without_rows_is_an_empty_table(shop: Deployment) -> None:
    """Zero leads: the lead tables are empty, and the forecast and the customers' values are there all the same."""
    published = content(shop)
    assert published["fct_lead_lifecycle"].empty
    assert published["fct_mrr_movements"].empty
    assert not published["clv_predictions"].empty
    assert not published["revenue_predictions"].empty


def test_an_order_of_the_future_changes_no_past_month(shop: Deployment) -> None:
    """What is dated after `data_until` is in no month of revenue and in no prediction."""
    monthly = content(shop)["fct_monthly_revenue"]
    assert monthly["month_start"].max().date() <= small_companies.LAST_DAY


def online(deployment: Deployment) -> OnlineFeatures:
    """The look-up file that readers of the deployment open."""
    made = snapshot.current(deployment.published)
    assert made is not None
    return OnlineFeatures(made.path(deployment.published) / "lookup.sqlite")


def online_frame(deployment: Deployment, model: str, keys: pd.DataFrame) -> pd.DataFrame:
    """The online row of each key, asked for on the day in `as_of`."""
    with online(deployment) as features:
        rows = [features.row(model, key, day.date()) for key, day in keys.itertuples(index=False)]
    return pd.concat([row.frame() for row in rows if row is not None], ignore_index=True)


def assert_same_bits(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    """Equal types and values, floats to the last bit."""
    pd.testing.assert_frame_equal(found, expected, check_exact=True)
    for name in expected.select_dtypes("float"):
        assert found[name].to_numpy().tobytes() == expected[name].to_numpy().tobytes(), name


@pytest.mark.parametrize("view", views.VIEWS, ids=lambda view: view.name)
def test_online_row_is_the_newest_offline_row(contract: Deployment, view: FeatureView) -> None:
    """Of every entity that ever had a row, the look-up gives the view's newest one, bit for bit, and its day."""
    model = next(model for model in views.MODEL_ENTITIES if view in views.views_for(model))
    usable = {column.name for column in views.columns_for(model)}
    names = [view.entity, "as_of", *(column.name for column in view.columns if column.name in usable)]
    with contract.warehouse(read_only=True) as connection:
        newest = f"row_number() over (partition by {view.entity} order by as_of desc) = 1"
        offline = frames.read(connection, f"select * from {view.table} qualify {newest} order by {view.entity}")
    assert len(offline) > 20
    assert_same_bits(online_frame(contract, model, offline[[view.entity, "as_of"]])[names], offline[names])


@pytest.mark.parametrize("model", FRAMERS)
def test_prediction_from_the_online_row_is_the_one_in_the_ledger(contract: Deployment, model: str) -> None:
    """One entity at a time, the champion says of the online row what the batch said: figures, reasons, everything."""
    entity = views.MODEL_ENTITIES[model].key
    with contract.warehouse(read_only=True) as connection:
        ledger = connection.sql(
            f"select * from predictions.{model}_latest where as_of = '{small_companies.LAST_DAY}'"
        ).df()
    assert len(ledger) > 2
    champion, _ = registry.load_champion(contract.model_store(), model)
    said = []
    for at in range(len(ledger)):
        row = online_frame(contract, model, ledger.loc[[at], [entity, "as_of"]])
        found = champion.predict(row)
        if model == "churn":
            found = churn.score_customers(champion, row, churn_params(contract.company))
        said.append(found.assign(reasons=[json.dumps(reasons) for reasons in found["reasons"]]))
    told = [
        name
        for name in ledger.columns
        if name in said[0].columns and name not in ("actions", "close_months", "act_by", "as_of")
    ]
    assert {"value", "lower", "upper", "reasons"} <= set(told)
    assert_same_bits(pd.concat(said, ignore_index=True)[told], ledger[told])


def test_learned_models_see_no_difference_online(contract: Deployment) -> None:
    """Both learned methods, which read every feature, predict the same of the online rows as of the offline frame."""
    with contract.warehouse(read_only=True) as connection:
        history = frames.of_model(connection, "lead_score")
    labels = history[["lead_id", "as_of"]].assign(y=(history["rule_score"] + history.index) % 3 == 0).astype({"y": int})
    columns = views.columns_for("lead_score")
    frame = training_frame(history, labels, entity="lead_id", columns=columns, label="y", horizon_days=30)
    newest = history.sort_values("as_of", kind="stable").drop_duplicates("lead_id", keep="last").reset_index(drop=True)
    rows = online_frame(contract, "lead_score", newest[["lead_id", "as_of"]])
    for model in tabular.train_both(frame, tabular.TabularParams()).fitted.values():
        assert_same_bits(model.predict(rows, with_reasons=False), model.predict(newest, with_reasons=False))
        assert model.predict(rows)["reasons"].tolist() == model.predict(newest)["reasons"].tolist()


def test_tables_of_the_forecast_agree_with_the_marts_and_with_its_metrics(contract: Deployment) -> None:
    """The backtest holds what the marts say came, forecast before it came; its errors are the metrics; parts add up."""
    [(rows, late, apart)] = query(
        contract,
        "select count(*), count(*) filter (month <= origin), max(abs(actual - came)) from models.revenue_backtest join "
        "(select month_start as month, sum(target_amount) as came from marts.fct_monthly_revenue group by 1) "
        "using (month)",
    )
    assert (rows, late, apart) == (query(contract, "select count(*) from models.revenue_backtest")[0][0], 0, 0.0)
    errors = query(
        contract,
        "select method, sum(abs(predicted - actual)) / sum(actual), any_value(value) from models.revenue_backtest "
        "join (select * from models.metrics where metric = 'wape') using (run_id, method) group by 1",
    )
    assert {"combined", "top_down", "bottom_up", "last_value"} <= {method for method, *_ in errors}
    assert [wape for _, wape, _ in errors] == pytest.approx([told for *_, told in errors])
    parts = query(
        contract,
        "select base_retained + expansion + pipeline + new_business, value from models.revenue_parts join "
        "predictions.revenue using (month) where (view, region, segment) = ('bottom_up', 'all', 'all')",
    )
    assert len(parts) == 12
    assert [told for told, _ in parts] == pytest.approx([value for _, value in parts])
    growth = query(contract, "select span, lower <= rate and rate <= upper from models.revenue_growth order by 1")
    assert growth == [("month", True), ("quarter", True), ("year", True)]


def test_scenario_starts_from_the_published_forecast(contract: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    """`scenario` lays the ledger's forecast beside what another churn makes of it, ranges in the same proportion."""
    named = {"COMPANY": contract.company_name, "STATE_DIR": contract.state_folder, "DATA_DIR": contract.data_folder}
    named["COMPANIES_DIR"] = contract.companies_folder
    with environment(**{f"LIFECYCLE_{name}": value for name, value in named.items()}):
        assert scenario.main(["--churn", "+50"]) == 0
    said = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("202")]
    served = query(
        contract,
        "select strftime(month, '%Y-%m'), round(value) from predictions.revenue "
        "where (view, region, segment) = ('top_down', 'all', 'all') order by month",
    )
    assert [(month, float(base.replace(",", ""))) for month, base, *_ in said] == served
    differences = [float(row[3].replace(",", "")) for row in said]
    assert differences == sorted(differences, reverse=True)
    assert differences[-1] < differences[0] < 0
    forecast, _ = registry.load_champion(contract.model_store(), "revenue")
    before, after = forecast.served(), scenario_rows(forecast, Levers(churn=0.5))
    for bound in ("lower_80", "upper_80", "lower_95", "upper_95"):
        ranges = (after[bound] * before["value"]).to_numpy(), (before[bound] * after["value"]).to_numpy()
        assert ranges[0] == pytest.approx(ranges[1]), bound


def test_a_second_run_changes_nothing_and_a_changed_row_is_one_version(contract: Deployment) -> None:
    """The same source twice: no new version anywhere, equal content. One changed row: landed as a version of it."""
    sets = [made.content_hash for made in manifests(contract.training_sets)]
    before, rows, models, said = (
        content(contract, records=False),
        versions(contract),
        champions(contract, ids=True),
        ledger_rows(contract),
    )
    run(contract)
    assert versions(contract) == rows
    assert champions(contract, ids=True) == models
    assert ledger_rows(contract) == said
    assert [made.content_hash for made in manifests(contract.training_sets)] == sets
    again = content(contract, records=False)
    assert {name for name in before if not before[name].equals(again[name])} == set()

    _change_a_price(contract)
    with contract.warehouse() as connection:
        landing.land(connection, contract.company, contract.source_folder, datetime.now(UTC).replace(tzinfo=None))
    assert versions(contract) == rows | {"subscriptions": rows["subscriptions"] + 1}
    old = query(contract, "select mrr from raw.subscriptions where subscription_id = 's0' order by known_at")
    assert len(old) == 2


def _change_a_price(deployment: Deployment) -> None:
    tables = small_companies.contractual()
    tables["subscriptions"][0]["mrr"] = 999
    small_companies.write(
        Path(deployment.data_folder) / "small" / "subscriptions.csv", "subscriptions", tables["subscriptions"]
    )


@pytest.mark.parametrize("accounts", [0, 1])
def test_hardly_any_customer(tmp_path: Path, accounts: int) -> None:
    """One customer who has left, or none at all: the run ends, and says that data are insufficient."""
    tables = small_companies.contractual(accounts, leads=accounts, all_churned=True)
    deployment = small_companies.deploy(tmp_path, "hardly", "contractual", tables)
    run(deployment)
    published = content(deployment)
    assert len(published["dim_accounts"]) == accounts
    assert "validated" not in set(published["trainings"]["status"])
    with duckdb.connect(str(deployment.warehouse_path), read_only=True) as connection:
        [(active,)] = connection.execute(
            "select count(*) from features.feat_customer_contract where as_of = '2024-06-30'"
        ).fetchall()
    assert active == 0
