"""Files and manifests by the management API: sent as they are, kept whole or not at all, by administrators."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from connections import upload_handler
from connections.services import SESSIONS
from tests.manage.conftest import Caller, audited, error

MANIFEST = """manifest: 1
key: tiny
label: Tiny
base_url: https://api.example.com
tables:
  Things:
    key: [Id]
    columns: {Id: {path: id, type: int64}}
    read: [{path: /things}]
"""


@pytest.fixture
def files(admin: Caller, settings: Any, tmp_path: Path) -> Caller:
    """The administrator, with a connection of files."""
    SESSIONS.close()
    settings.DATA_DIR = tmp_path
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path / "incoming"
    assert admin("POST", "/connections/", {"name": "files", "connector": "files"}).status_code == 201
    return admin


def put(caller: Caller, name: str, content: bytes, **options: Any) -> Any:
    return caller("PUT", f"/connections/files/uploads/{name}", content, media=options.pop("media", "application/octet-stream"), **options)


def kept() -> list[str]:
    return sorted(path.name for path in (settings.DATA_DIR / "uploads").rglob("*") if path.is_file())


def arriving() -> list[Path]:
    folder = settings.DATA_DIR / "incoming"
    return [*folder.iterdir()] if folder.is_dir() else []


def test_file_is_kept_replaced_listed_and_deleted(files: Caller) -> None:
    made = put(files, "orders%202026.csv", b"Id,Name\n1,x\n")
    again = put(files, "orders%202026.csv", b"Id,Name\n1,x\n2,y\n")
    listed = files("GET", "/connections/files/uploads").json()
    tables = files("GET", "/connections/files/tables/").json()["results"]
    gone = files("DELETE", "/connections/files/uploads/orders%202026.csv")

    assert (made.status_code, again.status_code, gone.status_code) == (201, 200, 204)
    assert {name: made.json()[name] for name in ("name", "size", "tables", "problem")} == {
        "name": "orders 2026.csv", "size": 12, "tables": 1, "problem": "",
    }  # fmt: skip
    assert [(item["name"], item["size"]) for item in listed["results"]] == [("orders 2026.csv", 16)]
    assert [item["table"] for item in tables] == ["orders 2026.csv"]
    assert (kept(), arriving()) == ([], [])
    assert audited()[1:] == [("ada", "file uploaded"), ("ada", "file uploaded"), ("ada", "file deleted")]


@pytest.mark.parametrize("name", ["a.exe", "a", ".csv", "a%09b.csv", "x" * 300 + ".csv", "a%3Ab.csv", "..%5Cevil.csv", "%00.csv"])
def test_other_names_are_refused(files: Caller, name: str) -> None:
    answer = put(files, name, b"x\n1\n")

    assert (answer.status_code, error(answer)["target"], kept(), arriving()) == (422, "file", [], [])


@pytest.mark.parametrize("name", ["..%2F..%2Fevil.csv", "%2Fetc%2Fevil.csv"])
def test_paths_lead_nowhere(files: Caller, name: str) -> None:
    assert (put(files, name, b"x\n1\n").status_code, kept()) == (404, [])


def test_body_too_long_cut_off_or_without_length_leaves_nothing(files: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    put(files, "a.csv", b"x\n1\n")
    short = files("PUT", "/connections/files/uploads/a.csv", b"x\n2\n", media="text/csv", Transfer_Encoding="chunked")
    form = put(files, "a.csv", b"--a--", media="multipart/form-data; boundary=a")
    monkeypatch.setattr(upload_handler, "most_bytes", lambda: 2**20)
    long = put(files, "a.csv", b"x" * (2**20 + 1))

    assert [(item.status_code, error(item)["code"]) for item in (short, form, long)] == [
        (411, "LengthRequired"), (415, "UnsupportedMediaType"), (413, "PayloadTooLarge"),
    ]  # fmt: skip
    assert "upload_megabytes" in error(long)["message"]
    assert (kept(), arriving()) == (["a.csv"], [])


def test_file_that_is_larger_than_other_bodies_may_be(files: Caller) -> None:
    answer = put(files, "big.csv", b"x\n" + b"1\n" * 2_000_000)

    assert (answer.status_code, answer.json()["size"], answer.json()["tables"]) == (201, 4_000_002, 1)


def test_operators_read_and_others_do_nothing(files: Caller, operator: Caller, reader: Caller, nobody: Caller) -> None:
    put(files, "a.csv", b"x\n1\n")

    assert operator("GET", "/connections/files/uploads").json()["count"] == 1
    assert [put(who, "b.csv", b"x\n").status_code for who in (operator, reader, nobody)] == [403, 403, 401]
    assert [who("DELETE", "/connections/files/uploads/a.csv").status_code for who in (operator, reader, nobody)] == [403, 403, 401]
    assert kept() == ["a.csv"]


def test_connections_without_files_and_missing_ones_are_not_there(connected: Caller) -> None:
    answers = [
        connected("PUT", "/connections/shop/uploads/a.csv", b"x\n"),
        connected("GET", "/connections/shop/uploads"),
        connected("GET", "/connections/nowhere/uploads"),
        connected("GET", "/connections/shop/manifest"),
    ]

    assert [answer.status_code for answer in answers] == [404] * 4


def test_manifest_is_read_and_replaced_as_text(admin: Caller, operator: Caller) -> None:
    properties = {"Manifest": MANIFEST, "Secrets": ""}
    assert admin("POST", "/connections/", {"name": "tiny", "connector": "manifest", "properties": properties}).status_code == 201

    changed = admin("PUT", "/connections/tiny/manifest", MANIFEST.replace("Things", "Items").encode(), media="application/yaml")
    read = admin("GET", "/connections/tiny/manifest")
    wrong = admin("PUT", "/connections/tiny/manifest", b"manifest: 2\n", media="application/yaml")

    assert (changed.status_code, read["Content-Type"]) == (200, "application/yaml; charset=utf-8")
    assert read.content.decode() == MANIFEST.replace("Things", "Items")
    assert (wrong.status_code, error(wrong)["target"]) == (422, "properties.Manifest")
    assert operator("PATCH", "/connections/tiny/", {"max_rows": 1}).status_code == 403
    assert operator("POST", "/connections/", {"name": "own", "connector": "manifest"}).status_code == 403
    assert operator("PUT", "/connections/tiny/manifest", MANIFEST.encode()).status_code == 403
    assert admin("PUT", "/connections/tiny/manifest", b"\xff").status_code == 400
