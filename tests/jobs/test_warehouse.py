"""Warehouses: loads through dlt, everything or what is new by key; the checkpoint goes with the rows; dlt missing is named."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest

from apiserver.jobs import moving
from apiserver.jobs.errors import InvalidJob
from apiserver.jobs.moving import Cancelled, JobError, dry_run, reset
from connections.connectors import registry
from connections.connectors.dbapi import loading_dlt
from connections.connectors.registry import get_connector
from connections.contract.errors import ConnectorError
from connections.contract.loading import Bulk
from connections.services import save_connection
from tests.databases import Database, make
from tests.jobs.conftest import Make
from tests.jobs.moves import Counting, Pair, connected

pytestmark = pytest.mark.django_db
ORDERS = "REPLICATE [orders] WITH IncrementalCheckColumns='changed'"
COLUMNS = {"id": "integer", "buyer": "varchar(40)", "total": "decimal(10,2)", "changed": "integer"}


@pytest.fixture
def kind(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Register the stand-in."""
    monkeypatch.setitem(registry.CONNECTORS, "standin", "tests.jobs.warehouse.StandIn")
    registry.paths.cache_clear()
    yield "standin"
    registry.paths.cache_clear()
    get_connector.cache_clear()


@pytest.fixture(params=["postgresql", "sqlite"])
def ends(request: pytest.FixtureRequest, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> Pair:
    monkeypatch.setattr(moving, "FIRST_WAIT", 0.0)
    source = make(request.param, "warehouse_source", request, tmp_path)
    source.create("orders", COLUMNS, "PRIMARY KEY (id)")
    source.insert("orders", [(number, f"b{number}", number / 4, number) for number in range(1, 51)])
    path = tmp_path / "warehouse.duckdb"

    def connect() -> Any:
        """Return a database of views over what was loaded."""
        connection = duckdb.connect()
        connection.execute(f"SET TimeZone = 'UTC'; ATTACH '{path}' AS warehouse (READ_ONLY)")
        for (name,) in connection.execute("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'lake'").fetchall():
            connection.execute(f'CREATE VIEW "{name}" AS SELECT * FROM warehouse.lake."{name}"')
        connection.execute("BEGIN")
        return connection

    duckdb.connect(str(path)).close()
    there = Database("duckdb", {"connector": kind, "properties": {"Database": str(path)}}, connect)
    return Pair(source, there, ids=(connected(source, "shop").pk, connected(there, "warehouse").pk))


def test_rows_come_whole_then_by_key_and_the_same_again_change_nothing(ends: Pair) -> None:
    first = ends.move(ORDERS)
    ends.same("orders")
    assert (first.mode, first.inserted, first.source_count, first.destination_count) == ("full", 50, 50, 50)
    assert "sweep_every" in first.note

    assert ends.move(ORDERS).mode == "incremental"
    ends.same("orders")
    ends.source.run("UPDATE orders SET buyer = 'new', changed = 60 WHERE id = 7")
    ends.source.insert("orders", [(99, None, None, 61)])
    then = ends.move(ORDERS, overlap_seconds=0)
    assert (then.mode, then.inserted, then.rows_read < 60) == ("incremental", 0, True)
    ends.same("orders")


def test_what_the_source_deleted_goes_with_a_load_of_everything(ends: Pair) -> None:
    ends.move(ORDERS)
    ends.source.run("DELETE FROM orders WHERE id IN (3, 4)")

    assert ends.move(ORDERS).destination_count == 50
    assert ends.move(ORDERS, sweep_every=0).destination_count == 48
    ends.same("orders")
    ends.source.run("DELETE FROM orders WHERE id = 5")
    assert ends.move(ORDERS, sweep_every=0, deletes="none").destination_count == 48
    reset(ends.order(ORDERS))
    assert (ends.move(ORDERS).mode, len(ends.rows(ends.destination, "orders"))) == ("full", 47)


def test_rows_without_a_key_are_replaced(ends: Pair) -> None:
    sums = "REPLICATE [sums] SELECT COUNT(*) AS n, SUM(total) AS total FROM [orders]"
    assert ends.move(sums).mode == ends.move(sums).mode == "swap"
    assert len(ends.rows(ends.destination, "sums")) == 1


def test_far_fewer_rows_ask_first_and_a_broken_load_leaves_all(ends: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    ends.source.insert("orders", [(number, "x", 1, number) for number in range(100, 5000)])
    ends.move("REPLICATE [orders]")
    before = ends.rows(ends.destination, "orders")
    with pytest.raises(Cancelled):
        ends.move("REPLICATE [orders]", Counting(stops_after=1))
    ends.source.run("DELETE FROM orders WHERE id > 10")
    with pytest.raises(JobError, match="10 rows now, the destination 4950"):
        ends.move("REPLICATE [orders]")
    assert ends.rows(ends.destination, "orders") == before
    ends.move("REPLICATE [orders]", may_shrink=True)
    ends.same("orders")


@pytest.mark.parametrize("step", ["extract", "normalize", "load"])
def test_a_run_that_dies_in_a_step_is_completed_by_the_next(ends: Pair, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    from dlt.pipeline.pipeline import Pipeline

    ends.move(ORDERS)
    ends.source.run("UPDATE orders SET buyer = 'new', changed = 60 WHERE id = 7")
    real = getattr(Pipeline, step)

    def dies(self: Any, *args: Any, **more: Any) -> None:
        real(self, *args, **more)
        raise SystemExit

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(Pipeline, step, dies)
        ends.move(ORDERS, overlap_seconds=0)
    state = json.loads(moving.loading_of(ends.ids[1], 30).peek(ends.keys[ORDERS]))  # type: ignore[attr-defined]
    assert state["marks"]["changed"] == ("60" if step == "load" else "50")

    ends.move(ORDERS, overlap_seconds=0)
    ends.same("orders")


def test_columns_that_the_source_gains_or_changes_are_followed(ends: Pair) -> None:
    ends.move(ORDERS)
    ends.source.run("ALTER TABLE orders ADD COLUMN note varchar(10) DEFAULT 'old'")
    with pytest.raises(JobError, match="new: note"):
        ends.move(ORDERS, schema="freeze")
    assert ends.move(ORDERS).mode == "full"
    ends.same("orders", columns=["id", "buyer", "total", "changed", "note"])
    if ends.source.kind == "postgresql":
        ends.source.run("ALTER TABLE orders ALTER COLUMN note DROP DEFAULT, ALTER COLUMN note TYPE integer USING id")
        ends.move(ORDERS)
        ends.same("orders", columns=["id", "note"])


def test_what_a_warehouse_does_not_do_is_refused(ends: Pair) -> None:
    for option in ("HistoryMode", "SoftDelete"):
        with pytest.raises(JobError, match=f"{option} is not possible"):
            ends.move(f"REPLICATE [orders] WITH IncrementalCheckColumns='changed', {option}")
    planned = dry_run(ends.order(ORDERS))
    assert (planned.mode, planned.count, len(planned.rows)) == ("full", 50, 20)


def test_types_are_exact(kind: str, tmp_path: Path) -> None:
    from tests.connectors.test_loading import TARGET, VALUES

    path = tmp_path / "types.duckdb"
    duckdb.connect(str(path)).close()
    loading = get_connector(kind).open({"Database": str(path)}).loading(30)  # type: ignore[union-attr]
    columns = [loading.stored(column) for column, _ in VALUES]
    rows = [tuple(values[place] for _, values in VALUES) for place in (0, 1)] + [(None,) * len(VALUES)]
    loading.load("t", Bulk(TARGET, columns, (), iter([rows]), True, False, lambda: "state", lambda: True))

    with closing(duckdb.connect(str(path))) as there:
        there.execute("SET TimeZone = 'UTC'")
        kinds = {name: kind for name, kind, *_ in there.execute("DESCRIBE lake.target").fetchall()}
        found = there.execute("SELECT * FROM lake.target").fetchall()
    assert (kinds["long"], kinds["instant"], kinds["local"]) == ("DECIMAL(38,10)", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP")
    assert (kinds["int64"], kinds["json"], kinds["bool"]) == ("BIGINT", "JSON", "BOOLEAN")
    for place, column in enumerate(columns):
        texts = [None if row[place] is None else str(row[place]).replace("+00:00", "") for row in rows]
        shown = [None if row[place] is None else str(row[place]).replace("+00:00", "") for row in found]
        assert shown == texts or VALUES[place][0].name in ("span", "free"), column.name
    assert loading.peek("t") == "state"
    loading.close()


def test_missing_dlt_is_named_with_its_install(make: Make, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(loading_dlt.importlib.util, "find_spec", lambda name: None if name == "dlt" else found(name))
    warehouse = save_connection(name="warehouse", connector=kind, values={"Database": str(tmp_path / "w.duckdb")})
    line = f'pip install "dlt[standin]=={loading_dlt.VERSION}"'

    with pytest.raises(InvalidJob) as refused:
        make("REPLICATE [orders]", destination=warehouse)
    assert refused.value.errors == {"destination": f"warehouse is loaded through dlt, which is not installed. Run: {line}"}
    with pytest.raises(ConnectorError) as missing:
        moving.loading_of(warehouse.pk, 30)
    assert missing.value.hint == f"Run: {line}"


@pytest.mark.parametrize("key", ["snowflake", "bigquery"])
def test_warehouses_are_destinations_that_dlt_loads(key: str) -> None:
    connector: Any = get_connector(key)
    assert (connector.is_destination, connector.loader) == (True, key)


def test_credentials_become_those_of_dlt() -> None:
    snowflake: Any = get_connector("snowflake")
    given = {"Account": "a-b", "User": "u", "Database": "D", "AuthScheme": "Password", "Password": "p", "RoleName": "R"}
    values = snowflake.clean(given)
    found = snowflake.destination(values).config_params["credentials"]
    assert (found["host"], found["database"], found["username"], found["password"], found["role"]) == ("a-b", "D", "u", "p", "R")
    assert snowflake.dataset(values) == "PUBLIC"

    bigquery: Any = get_connector("bigquery")
    key = json.dumps({"private_key": "k", "client_email": "e@x", "project_id": "other"})
    values = bigquery.clean({"ProjectId": "p", "DatasetId": "d", "OAuthJWTCert": key})
    found = bigquery.destination(values).config_params["credentials"]
    assert (found["project_id"], found["private_key"], bigquery.dataset(values)) == ("p", "k", "d")
