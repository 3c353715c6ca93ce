"""Files outside of the allowed folders are not read, whatever path leads to them; those inside are found."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from connections.connectors.files.connector import FilesConnector
from connections.contract.context import Context
from connections.contract.errors import ConnectorError, InvalidProperties
from tests.connectors.files.folder import session, table
from tests.connectors.files.ways_out import OUT, SECRET, with_ways_out


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return an allowed folder with ways out of it."""
    with_ways_out(tmp_path / "in", tmp_path / "out")
    return tmp_path / "in"


@pytest.mark.parametrize("uri", OUT)
def test_no_path_leads_out(folder: Path, uri: str) -> None:
    uri = uri.replace("{out}", str(folder.parent / "out"))

    with pytest.raises(ConnectorError) as told:
        opened = session(folder, URI=uri)
        for item in opened.list_tables():
            opened.describe([item.ref])
    assert SECRET not in str(told.value)


def test_links_and_pipes_are_not_listed_and_hard_links_not_described(folder: Path) -> None:
    opened = session(folder, IncludeSubdirectories=True)

    assert [item.ref.name for item in opened.list_tables()] == ["good.csv", "hard.csv"]
    with pytest.raises(ConnectorError, match="second name"):
        table(opened, "hard.csv")


def test_database_under_a_second_name_keeps_its_locks(tmp_path: Path) -> None:
    inside = tmp_path / "in"
    inside.mkdir()
    with closing(sqlite3.connect(tmp_path / "own.sqlite3", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE rows (id integer)")
        os.link(tmp_path / "own.sqlite3", inside / "copy.csv")
        connection.execute("BEGIN EXCLUSIVE")

        with pytest.raises(ConnectorError, match="second name"):
            table(session(inside), "copy.csv")

        write = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute('INSERT INTO rows VALUES (2)')"
        other = subprocess.run([sys.executable, "-c", write, str(tmp_path / "own.sqlite3")], capture_output=True, text=True, check=False)

        assert "database is locked" in other.stderr


def test_product_does_not_publish_its_own_files(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "files").mkdir(parents=True)
    for path in (data / "server.sqlite3", data / "keys.csv", data / "files" / "a.csv"):
        path.write_text("a\n1\n")
    own = (f"sqlite:{data / 'server.sqlite3'}",)

    assert [str(i.ref) for i in session(data / "files", own).list_tables()] == ["a.csv"]
    with pytest.raises(ConnectorError):
        session(tmp_path, own, IncludeSubdirectories=True).list_tables()
    with pytest.raises(ConnectorError):
        opened = session(tmp_path, own, URI="data/keys.csv")
        opened.list_tables()


def test_folder_exchanged_for_a_link_is_noticed(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "secret.csv").write_text("a\n1\n")
    opened = session(folder, URI="sub/*.csv")
    ref = opened.list_tables()[0].ref
    (folder / "sub" / "secret.csv").unlink()
    (folder / "sub").rmdir()
    (folder / "sub").symlink_to(folder.parent / "out")

    with pytest.raises(ConnectorError):
        opened.describe([ref])


@pytest.mark.parametrize(
    ("uri", "more", "found"),
    [
        (".", {}, ["a.csv", "b.json"]),
        (".", {"IncludeFiles": "json"}, ["b.json"]),
        (".", {"IncludeSubdirectories": True}, ["a.csv", "b.json", "2026.a.csv", "2026/05.c.csv"]),
        ("2026", {}, ["a.csv"]),
        ("*/*.csv", {}, ["2026.a.csv"]),
        ("**/*.csv", {}, ["a.csv", "2026.a.csv", "2026/05.c.csv"]),
        ("2026/0?/c.csv", {}, ["05.c.csv"]),
        ("a.csv", {}, ["a.csv"]),
        ("{here}/a.csv", {}, ["a.csv"]),
        ("odd.dat", {}, ["odd.dat"]),
    ],
)
def test_uri_names_a_file_a_folder_or_a_pattern(tmp_path: Path, uri: str, more: dict[str, object], found: list[str]) -> None:
    (tmp_path / "2026" / "05").mkdir(parents=True)
    for name in ("a.csv", "b.json", "odd.dat", "2026/a.csv", "2026/05/c.csv"):
        (tmp_path / name).write_text("a\n1\n")

    opened = session(tmp_path, URI=uri.replace("{here}", str(tmp_path)), **more)

    assert sorted(str(item.ref) for item in opened.list_tables()) == sorted(found)


def test_empty_uri_means_the_uploads(tmp_path: Path) -> None:
    (tmp_path / "up").mkdir()
    (tmp_path / "up" / "mine.csv").write_text("a\n1\n")
    (tmp_path / "other.csv").write_text("a\n1\n")
    context = Context(folders=(tmp_path,), uploads=tmp_path / "up")

    assert [item.ref.name for item in FilesConnector().open({}, context=context).list_tables()] == ["mine.csv"]
    assert FilesConnector().open({}, context=Context(uploads=tmp_path / "none")).list_tables() == []


def test_steps_say_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a\n1\n")
    context = Context(folders=(tmp_path,))

    told = [
        [(step.name, step.ok, step.message) for step in FilesConnector().test(values, context=context)]
        for values in ({"URI": "a.csv"}, {"URI": "/etc"}, {"URI": "b.csv"}, {"URI": "x", "Sheets": "y"})
    ]

    assert told == [
        [("open", True, "1 file was found"), ("list_tables", True, "1 table can be read")],
        [("open", False, "URI: must stay below a folder that this server allows: APISERVER_ALLOWED_FOLDERS")],
        [("open", False, "There is no file b.csv.")],
        [("properties", False, "Sheets: no such property: did you mean Sheet?")],
    ]
    with pytest.raises(InvalidProperties):
        FilesConnector().from_url("file:///x")
