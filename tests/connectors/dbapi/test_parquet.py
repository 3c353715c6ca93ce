"""Parquet folders: what other programs read of them, which files are written, left or refused, and a writer that is killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connections.connectors.dbapi.loading_parquet import HIDDEN, ParquetLoading, path_of
from connections.connectors.dbapi.parquet_folder import ParquetConnector, ParquetSession
from connections.contract.context import Context
from connections.contract.errors import ConnectionFailed, ConnectorError, InvalidProperties, NotSupported, SourceRejected
from connections.contract.loading import Checkpoint
from connections.contract.scan import Scan
from connections.contract.table import Column, TableRef, Type
from tests.connectors.files import folder as files
from tests.connectors.test_loading import VALUES, made, stored
from tests.served import ROOT

T = TableRef("", "t")
ROWS: list[tuple[Any, ...]] = [(1, "a", 1), (2, "b", None)]


def opened(root: Path, uri: str = "lake", **more: Any) -> ParquetSession:
    return ParquetConnector().open({"URI": uri}, context=Context(folders=(root,)), **more)


@pytest.fixture
def loading(tmp_path: Path) -> Iterator[ParquetLoading]:
    found = opened(tmp_path).loading(30)
    yield found
    found.close()


def read(path: Path) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in pq.read_table(path).to_pylist()]


def test_committed_rows_are_a_file_after_the_end(loading: ParquetLoading, tmp_path: Path) -> None:
    path = tmp_path / "lake" / "t.parquet"
    columns = made(loading, T, ROWS)
    assert not path.exists()

    loading.finish(T)
    first = path.stat()
    loading.finish(T)
    assert (read(path), path.stat().st_ino) == (ROWS, first.st_ino)

    loading.begin()
    stage = loading.stage(T, columns)
    loading.fill(stage, columns, [[(2, "B", 2), (3, None, 3)]])
    loading.merge(stage, T, columns, ["Id"])
    loading.commit()
    assert read(path) == ROWS
    loading.finish(T)
    assert sorted(read(path)) == [(1, "a", 1), (2, "B", 2), (3, None, 3)]

    path.unlink()
    loading.finish(T)
    assert len(read(path)) == 3
    assert sorted(item.name for item in (tmp_path / "lake").iterdir()) == [HIDDEN, path.name]
    assert {item.suffix for item in (tmp_path / "lake" / HIDDEN).iterdir()} == {".duckdb"}


def test_every_change_of_a_table_is_in_its_file(loading: ParquetLoading, tmp_path: Path) -> None:
    columns = made(loading, T, ROWS)
    path = tmp_path / "lake" / "t.parquet"

    def after(change: Any) -> list[Any]:
        loading.begin()
        stage = loading.stage(T, columns[:1])
        loading.fill(stage, columns[:1], [[(1,)]])
        change(stage)
        loading.commit()
        loading.finish(T)
        return read(path)

    assert after(lambda stage: loading.add(T, stored(loading, (Column("gone", Type.TIMESTAMP, has_zone=True),))))[0][3:] == (None,)
    assert after(lambda stage: loading.keep(stage, T, ["Id"], mark="gone"))[1][3] is not None
    assert after(lambda stage: loading.revive(loading.stage(T, columns), T, ["Id"], mark="gone"))[1][3] is not None
    assert after(lambda stage: loading.widen(T, loading.stored(Column("Id"))))[0][0] == "1"
    assert after(lambda stage: loading.remove(T, "Name", "a"))[0][:2] == ("2", "b")
    assert after(lambda stage: loading.empty(T)) == []


def test_types_are_exact_for_every_reader(loading: ParquetLoading, tmp_path: Path) -> None:
    columns = [loading.stored(column) for column, _ in VALUES]
    rows = [tuple(values[place] for _, values in VALUES) for place in (0, 1)] + [(None,) * len(VALUES)]
    loading.create(T, columns, ())
    loading.begin()
    loading.fill(T, list(loading.describe(T).columns), [rows])  # type: ignore[union-attr]
    loading.commit()
    loading.finish(T)

    session = files.session(tmp_path / "lake")
    found = files.table(session, "t.parquet")
    kept = dict(zip((column.name for column in found.columns[1:]), found.columns[1:], strict=True))
    offer = session.offer(Scan(found, tuple(kept)))
    back = [row for batch in session.read(offer) for row in batch.rows]
    for place, column in enumerate(columns):
        there = kept[column.name]
        assert (there.type, there.has_zone, there.is_json) == (column.type, column.has_zone, column.is_json), column.name
        assert (there.precision, there.scale) == (column.precision, column.scale) or column.type != Type.DECIMAL
        wanted = [str(row[place]) if column.type == Type.STRING and not isinstance(row[place], str | None) else row[place] for row in rows]
        assert [row[place] for row in back] == wanted or VALUES[place][0].type == Type.DURATION, column.name


def test_names_that_are_no_names_of_files(loading: ParquetLoading, tmp_path: Path) -> None:
    for name in ("../up", ".hidden", "a/b", "100% 'sure'", "日本", "a:b*?", "x" * 200):
        ref = TableRef("Sales/2026", name)
        loading.create(ref, stored(loading), ["Id"])
        loading.finish(ref)
        assert path_of(tmp_path / "lake", ref).parent == tmp_path / "lake" / "Sales%2F2026"
        assert loading.describe(ref).primary_key == ("Id",)  # type: ignore[union-attr]
    with pytest.raises(NotSupported, match="too long"):
        path_of(tmp_path, TableRef("", "/" * 200))

    assert len(list((tmp_path / "lake" / "Sales%2F2026").glob("*.parquet"))) == 7
    assert (tmp_path / "lake" / "Sales%2F2026" / "%2Ehidden.parquet").exists()


def test_file_of_others_is_left(loading: ParquetLoading, tmp_path: Path) -> None:
    made(loading, T, ROWS)
    path = tmp_path / "lake" / "t.parquet"
    pq.write_table(pa.table({"a": [1]}), path)
    with pytest.raises(SourceRejected, match="no job of this connection wrote"):
        loading.finish(T)
    path.write_text("none")
    with pytest.raises(SourceRejected, match="no job of this connection wrote"):
        loading.finish(T)
    path.unlink()

    below = opened(tmp_path, "lake/sub").loading(30)
    made(below, T, ROWS)
    below.finish(T)
    same = TableRef("sub", "t")
    loading.create(same, stored(loading), ["Id"])
    with pytest.raises(SourceRejected, match="no job of this connection wrote"):
        loading.finish(same)
    below.close()


def test_statements_of_events_are_seen_in_all_files(loading: ParquetLoading, tmp_path: Path) -> None:
    made(loading, T, ROWS)
    made(loading, TableRef("", "gone"), ROWS)
    loading.finish()
    loading.rows("UPDATE t SET \"Name\" = 'new'")
    loading.rows("CREATE TABLE made AS SELECT 1 AS one")
    loading.rows("DROP TABLE gone")

    loading.finish()

    folder = tmp_path / "lake"
    assert sorted(item.name for item in folder.glob("*.parquet")) == ["made.parquet", "t.parquet"]
    assert (read(folder / "made.parquet"), read(folder / "t.parquet")[0][1]) == ([(1,)], "new")


def test_key_holds_without_an_index(loading: ParquetLoading) -> None:
    columns = made(loading, T, ROWS)
    for rows in ([(1, "twice", 1)], [(3, "a", 1), (3, "b", 1)], [(None, "null", 1)]):
        loading.begin()
        with pytest.raises(ConnectorError):
            loading.fill(T, columns, [rows])
        loading.rollback()
    assert loading.count(T) == 2


def test_what_is_loaded_is_read_and_not_written(loading: ParquetLoading, tmp_path: Path) -> None:
    made(loading, T, ROWS)
    session = opened(tmp_path)
    ref = next(info.ref for info in session.list_tables() if info.ref.name == "t")
    (found,) = session.describe([ref])

    assert (found.primary_key, found.writes) == (("Id",), frozenset())
    assert sorted(row for batch in session.read(session.offer(Scan(found, ("Id", "Name")))) for row in batch.rows) == [(1, "a"), (2, "b")]
    with pytest.raises(ConnectorError):
        session.insert(found, {"Id": 9}, idempotency="1")
    with pytest.raises(NotSupported, match="read-only"):
        opened(tmp_path, read_only=True).loading(30)


@pytest.mark.parametrize("uri", ["../lake", "s3://bucket/lake", "~/lake", "/somewhere/else", "link/lake", "data", "file"])
def test_other_folders_are_refused(tmp_path: Path, uri: str) -> None:
    for name in ("root", "outside", "root/data"):
        (tmp_path / name).mkdir()
    (tmp_path / "root" / "link").symlink_to(tmp_path / "outside")
    (tmp_path / "root" / "data" / "own.db").touch()
    (tmp_path / "root" / "file").touch()
    context = Context(folders=(tmp_path / "root",), own=(f"sqlite:{tmp_path / 'root' / 'data' / 'own.db'}",))

    steps = ParquetConnector().test({"URI": uri}, context=context)
    with pytest.raises((InvalidProperties, SourceRejected, ConnectionFailed)):
        ParquetConnector().open({"URI": uri}, context=context).loading(5).take("t")

    assert not steps[-1].ok
    assert list((tmp_path / "outside").iterdir()) == []
    assert [item.name for item in (tmp_path / "root" / "data").iterdir()] == ["own.db"]


def test_a_test_makes_nothing(tmp_path: Path) -> None:
    steps = ParquetConnector().test({"URI": "lake"}, context=Context(folders=(tmp_path,)))

    assert [(step.name, step.ok) for step in steps] == [("driver", True), ("open", True), ("list_tables", True)]
    assert list(tmp_path.iterdir()) == []


WRITER = """
import sys
from pathlib import Path
from connections.connectors.dbapi.parquet_folder import ParquetConnector
from connections.contract.context import Context
from connections.contract.loading import Checkpoint
from connections.contract.table import Column, TableRef, Type

T, S = TableRef("", "t"), TableRef("", "t_apiserver_new")
loading = ParquetConnector().open({"URI": "lake"}, context=Context(folders=(Path(sys.argv[1]),))).loading(30)
columns = [Column("id", Type.INT64), Column("round", Type.INT64), Column("text")]
taken = loading.take("task")
round_ = int(taken.data or 0)
print("ready", flush=True)
def told():
    print("", flush=True)
while True:
    round_ += 1
    rows = [(number, round_, "x" * 50) for number in range(5000)]
    if round_ % 3 == 1:
        loading.drop(S)
        loading.create(S, columns, ())
        loading.begin()
        loading.fill(S, columns, [rows])
        loading.commit()
        told()
        loading.add_key(S, ["id"])
        loading.begin()
        loading.swap(S, T)
    else:
        loading.begin()
        stage = loading.stage(T, columns)
        loading.fill(stage, columns, [rows])
        loading.merge(stage, T, columns, ["id"])
    told()
    loading.save("task", Checkpoint(taken.fence, str(round_)))
    loading.commit()
    told()
    loading.finish(T)
    told()
"""
KILLS = 20


def test_a_writer_that_is_killed_leaves_whole_files_and_the_next_goes_on(tmp_path: Path) -> None:
    dice, path, before = random.Random(5), tmp_path / "lake" / "t.parquet", 0
    for _ in range(KILLS):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE)
        assert writer.stdout and writer.stdout.readline() == b"ready\n"
        for _ in range(dice.randrange(12)):
            writer.stdout.readline()
            if path.exists():
                before = whole(path, before)
        time.sleep(dice.random() * 0.05)
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        loading = opened(tmp_path).loading(30)
        at = int(loading.peek("task") or 0)
        if path.exists():
            before = whole(path, before)
            assert at - 1 <= before <= at
        if at:
            loading.finish(T)
            before = whole(path, at)
            assert before == at
        loading.close()
    assert before >= KILLS // 2


def whole(path: Path, least: int) -> int:
    """Return the round of which a file holds the rows; all of them, and none of an earlier one than was seen."""
    table = pq.read_table(path)
    (found,) = set(table["round"].to_pylist())
    assert (table.num_rows, found >= least) == (5000, True)
    return int(found)


def test_checkpoint_of_an_overtaken_writer_is_refused(loading: ParquetLoading, tmp_path: Path) -> None:
    first = loading.take("t")
    other = opened(tmp_path).loading(30)
    assert other.take("t").fence == first.fence + 1
    loading.begin()
    with pytest.raises(ConnectorError):
        loading.save("t", Checkpoint(first.fence, "x"))
    loading.rollback()
    other.close()
