"""Uploads of files: administrators only, to disk up to the limit, each file a table at once; nothing else takes files."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from apiserver.server.models import Audit
from connections import services, upload_handler, uploads
from connections.models import Connection
from connections.services import SESSIONS, delete_connection, save_connection


@pytest.fixture
def files(db: None, settings: Any, tmp_path: Path) -> Connection:
    SESSIONS.close()
    settings.DATA_DIR = tmp_path
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path / "incoming"
    return save_connection(name="files", connector="files", values={})


def send(client: Client, connection: Connection, name: str, content: bytes) -> Any:
    return client.post(f"/console/connections/{connection.pk}/uploads", {"file": SimpleUploadedFile(name, content)}, follow=True)


def test_uploaded_file_is_a_table_at_once(as_admin: Client, files: Connection) -> None:
    page = send(as_admin, files, "orders 2026.csv", b"Id,Name\n1,x\n2,y\n").content.decode()

    assert "orders 2026.csv was uploaded." in page
    files.refresh_from_db()
    assert files.last_test and files.last_test["ok"]
    assert files.tables == [["", "orders 2026.csv", "table", ""]]
    table, rows = services.preview(files, services.list_tables(files, now=timezone.now())[0].ref)
    assert [column.name for column in table.columns] == ["RowNumber", "Id", "Name"]
    assert rows == [[1, 1, "x"], [2, 2, "y"]]
    assert [(item.action, item.who, item.subject) for item in Audit.objects.all()][-1] == ("file uploaded", "ada", "files: orders 2026.csv")


def test_same_name_takes_the_place_and_delete_removes(as_admin: Client, files: Connection) -> None:
    send(as_admin, files, "a.csv", b"x\n1\n")
    send(as_admin, files, "a.csv", b"x\n1\n2\n")
    listed = [(item.name, item.size) for item in uploads.listed(files)]
    page = as_admin.post(f"/console/connections/{files.pk}/uploads", {"delete": "a.csv"}, follow=True).content.decode()

    assert listed == [("a.csv", 6)]
    assert (uploads.listed(files), "a.csv was deleted." in page, "No file was uploaded yet." in page) == ([], True, True)


@pytest.mark.parametrize("name", ["a.exe", "a", ".csv", "a\tb.csv", "x" * 300 + ".csv", "a:b.csv"])
def test_other_names_are_refused(as_admin: Client, files: Connection, name: str) -> None:
    send(as_admin, files, name, b"x\n1\n")

    assert all(item.name.endswith(".csv") and len(item.name) <= 255 for item in uploads.listed(files))
    assert [item for item in uploads.listed(files) if item.name == name] == []
    assert list((settings.DATA_DIR / "incoming").iterdir()) == []


@pytest.mark.parametrize("name", ["../../evil.csv", "/etc/evil.csv", "..\\evil.csv"])
def test_paths_in_names_lead_nowhere(as_admin: Client, files: Connection, tmp_path: Path, name: str) -> None:
    send(as_admin, files, name, b"x\n1\n")

    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*evil*")] == [f"uploads/{files.pk}/evil.csv"]


def test_larger_files_are_not_kept(as_admin: Client, files: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_handler, "most_bytes", lambda: 100_000)

    page = send(as_admin, files, "a.csv", b"x\n" * 60_000).content.decode()

    assert "Files of 512 MiB at most can be uploaded" in page
    assert (uploads.listed(files), list((settings.DATA_DIR / "incoming").iterdir())) == ([], [])


def test_operators_see_and_cannot_change(as_admin: Client, as_operator: Client, files: Connection, connection: Connection) -> None:
    send(as_admin, files, "a.csv", b"x\n1\n")

    answers = [
        send(as_operator, files, "b.csv", b"x\n1\n"),
        as_operator.post(f"/console/connections/{files.pk}/uploads", {"delete": "a.csv"}),
    ]
    page = as_operator.get(f"/console/connections/{files.pk}").content.decode()

    assert [answer.status_code for answer in answers] == [403, 403]
    assert [item.name for item in uploads.listed(files)] == ["a.csv"]
    assert ("a.csv" in page, "Administrators can upload files." in page, 'type="file"' in page) == (True, True, False)
    assert send(as_admin, connection, "a.csv", b"x\n").status_code == 404


def test_files_sent_elsewhere_are_passed_over(as_admin: Client, files: Connection) -> None:
    for path in ("/console/sign-in", f"/console/connections/{files.pk}"):
        as_admin.post(path, {"file": SimpleUploadedFile("a.csv", b"x" * 5_000_000)})
        Client().post(path, {"file": SimpleUploadedFile("a.csv", b"x" * 5_000_000)})

    assert not (settings.DATA_DIR / "incoming").exists()


def test_leftovers_and_files_of_deleted_connections_go(
    as_admin: Client, files: Connection, django_capture_on_commit_callbacks: Any
) -> None:
    old = settings.DATA_DIR / "incoming" / "left.upload"
    old.parent.mkdir()
    old.write_text("x")
    os.utime(old, (time.time() - 2 * upload_handler.LEFTOVER_SECONDS,) * 2)
    send(as_admin, files, "a.csv", b"x\n1\n")
    folder = uploads.folder_of(files)
    assert (old.exists(), folder.is_dir()) == (False, True)

    with django_capture_on_commit_callbacks(execute=True):
        delete_connection(files)

    assert not folder.exists()


def test_session_that_was_opened_before_the_first_upload_finds_it(as_admin: Client, files: Connection) -> None:
    session = services.session_for(files.pk)
    before = session.list_tables()

    send(as_admin, files, "a.csv", b"x\n1\n")

    assert (before, [info.ref.name for info in session.list_tables()]) == ([], ["a.csv"])
