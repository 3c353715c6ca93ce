"""The commands as scripts use them: exit codes, JSON lines, what is changed and what is not, with a server running or none."""

from __future__ import annotations

import json
import re
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from apiserver import environment
from tests.contract.small import HEADERS, TOKEN, small
from tests.served import ROOT, Served, manage, publish
from tests.served import environment as variables


def written(path: Path, data: Any) -> str:
    path.write_text(data if isinstance(data, str) else json.dumps(data), encoding="utf-8")
    return str(path)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory to which the small file was applied."""
    folder = tmp_path / "data"
    folder.mkdir()
    assert manage(folder, "apply", written(tmp_path / "small.json", small(tmp_path))).returncode == 0
    return folder


def stored(data: Path) -> list[str]:
    """Return everything that a data directory's own database holds."""
    with closing(sqlite3.connect(data / "apiserver.sqlite3")) as database:
        return list(database.iterdump())


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A data directory that no test may change, and what it holds."""
    folder = tmp_path_factory.mktemp("unchanged")
    assert manage(folder, "apply", written(folder / "small.json", small(folder))).returncode == 0
    found = stored(folder)
    assert any("items" in line for line in found)
    return folder, found


# ---- apply ----


def test_apply_tells_what_it_did_in_one_json_line(tmp_path: Path) -> None:
    found = small(tmp_path)
    found["users"]["made"] = {"role": "query", "privileges": ["GET"]}
    file = written(tmp_path / "file.json", found)
    data = tmp_path / "data"
    data.mkdir()

    first = manage(data, "apply", file, "--json")
    second = manage(data, "apply", file, "--json")

    told = json.loads(first.stdout)
    assert (first.returncode, second.returncode, first.stdout.count("\n")) == (0, 0, 1)
    assert {**told, "authtokens": sorted(told["authtokens"])} == {
        "changed": True,
        "created": ["connections/shop", "resources/items", "users/flow", "users/made"],
        "updated": [],
        "deleted": [],
        "authtokens": ["made"],
    }
    assert re.fullmatch(r"[A-Za-z0-9_-]{22,128}", told["authtokens"]["made"])
    assert json.loads(second.stdout) == {"changed": False, "created": [], "updated": [], "deleted": [], "authtokens": {}}


def test_apply_updates_deletes_with_prune_alone_and_says_so(data: Path, tmp_path: Path) -> None:
    less = {"connections": {"shop": {"labels": ["one"]}}, "users": {"flow": {"role": "query", "privileges": ["GET"]}}}
    file = written(tmp_path / "less.json", less)

    kept = json.loads(manage(data, "apply", file, "--json").stdout)
    seen = json.loads(manage(data, "diff", file, "--prune", "--json").stdout)
    pruned = json.loads(manage(data, "apply", file, "--prune", "--json").stdout)

    assert (kept["updated"], kept["deleted"]) == (["connections/shop", "users/flow"], [])
    assert (seen["deleted"], pruned["deleted"]) == (["resources/items"], ["resources/items"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("conections: {}", ["conections", "connections"]),
        ("server: {page_sise: 5}", ["server.page_sise", "page_size"]),
        ("server: {public_url: {env: NOT_SET_HERE}}", ["server.public_url", "NOT_SET_HERE"]),
        ("server: {public_url: {file: /not/there}}", ["server.public_url", "/not/there"]),
        ("resources: {items: {connection: shp}}", ["resources.items.connection", "shp", "shop"]),
        ("connections: {shop: {properties: {Databse: x}}}", ["connections.shop", "Databse", "Database"]),
        ("users: {flow: {resources: {itms: {}}}}", ["users.flow.resources", "itms", "items"]),
        ("users: {flow: {resources: {items: {filter: 'nmae eq 1'}}}}", ["users.flow.resources.items", "nmae"]),
        ("users: {flow: {authtoken: short}}", ["users.flow.authtoken", "22"]),
        ("users: {flow: {role: admn}}", ["users.flow.role", "admin"]),
        ("server: {trusted_addresses: [10.0.0.0/99]}", ["server.trusted_addresses"]),
        ("jobs: {a: {tasks: [REPLICATE]}}", ["jobs.a"]),
        ("server: [", ["no YAML"]),
    ],
)
def test_apply_of_a_broken_file_exits_1_names_it_and_changes_nothing(
    unchanged: tuple[Path, list[str]], tmp_path: Path, text: str, words: list[str]
) -> None:
    data, before = unchanged
    file = written(tmp_path / "broken.yaml", text if text.startswith("server") else f"server: {{page_size: 7}}\n{text}")

    done = manage(data, "apply", file, "--json")

    assert done.returncode == 1
    assert [word for word in words if word not in done.stderr] == []
    assert json.loads(done.stdout)["changed"] is False
    assert "Traceback" not in done.stderr
    assert stored(data) == before


def test_apply_and_diff_read_standard_input(data: Path) -> None:
    def run(command: str, text: str) -> int:
        given = {"input": text, "cwd": ROOT, "env": variables(data), "capture_output": True, "text": True}
        return subprocess.run([sys.executable, "manage.py", command, "-"], **given).returncode  # type: ignore[call-overload, no-any-return]

    text = "server: {page_size: 9}"

    assert [run("diff", text), run("apply", text), run("diff", text), run("apply", "server: {page_sise: 9}")] == [2, 0, 0, 1]


@pytest.mark.parametrize("arguments", [["apply"], ["apply", "/not/there"], ["diff"], ["diff", "/not/there"], ["diff", "x", "--nonsense"]])
def test_what_can_not_run_exits_1_and_never_2(tmp_path: Path, arguments: list[str]) -> None:
    done = manage(tmp_path, *arguments)

    assert (done.returncode, len(done.stderr.strip().splitlines())) == (1, 1)


# ---- diff and export ----


def test_diff_exits_0_when_the_same_2_when_different_and_changes_nothing(data: Path, tmp_path: Path) -> None:
    same = manage(data, "diff", str(tmp_path / "small.json"))
    different = manage(data, "diff", written(tmp_path / "other.yaml", "server: {page_size: 9}\nusers: {new: {role: query}}"), "--json")
    again = manage(data, "diff", str(tmp_path / "other.yaml"))

    assert (same.returncode, different.returncode, again.returncode) == (0, 2, 2)
    assert json.loads(different.stdout) == {"changed": True, "created": ["users/new"], "updated": ["server"], "deleted": []}
    assert again.stdout.split() == ["+", "users/new", "~", "server"]


def secret_file(tmp_path: Path) -> dict[str, Any]:
    found = small(tmp_path)
    found["connections"]["far"] = {"connector": "postgresql", "properties": {"Server": "db", "User": "app", "Password": "hidden-word-9"}}
    return found


def test_export_names_variables_in_the_place_of_secrets(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    assert manage(data, "apply", written(tmp_path / "file.json", secret_file(tmp_path))).returncode == 0

    out, to_file = manage(data, "export"), manage(data, "export", str(tmp_path / "out.yaml"))

    found = yaml.safe_load(out.stdout)
    assert (to_file.returncode, to_file.stdout, (tmp_path / "out.yaml").read_text(encoding="utf-8")) == (0, "", out.stdout)
    assert found["connections"]["far"]["properties"]["Password"] == {"env": "APISERVER_SECRET_CONNECTIONS_FAR_PASSWORD"}
    assert found["users"]["flow"]["authtoken"] == {"env": "APISERVER_SECRET_USERS_FLOW_AUTHTOKEN"}
    assert "hidden-word-9" not in out.stdout and TOKEN not in out.stdout


def test_sealed_export_travels_and_opens_with_its_passphrase_alone(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    file, sealed = written(tmp_path / "file.json", secret_file(tmp_path)), str(tmp_path / "sealed.yaml")
    right, wrong = written(tmp_path / "right", "a long pass phrase\n"), written(tmp_path / "wrong", "another pass phrase")
    assert manage(first, "apply", file).returncode == 0
    assert manage(first, "export", sealed, "--passphrase-file", right).returncode == 0

    closed = [manage(second, "apply", sealed), manage(second, "apply", sealed, "--passphrase-file", wrong)]
    opened = manage(second, "apply", sealed, "--passphrase-file", right)

    assert "hidden-word-9" not in Path(sealed).read_text(encoding="utf-8")
    assert [done.returncode for done in closed] == [1, 1]
    assert [("passphrase" in done.stderr, "Traceback" in done.stderr) for done in closed] == [(True, False)] * 2
    assert (opened.returncode, manage(second, "diff", file).returncode) == (0, 0)


# ---- with a server running ----


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("running")
    server = publish(small(folder), folder / "data", "--public-url", "https://api.example.com")
    yield server
    assert server.stop() == 0


def test_rotated_keys_go_on_serving_and_old_ones_stay_until_the_server_stops(served: Served) -> None:
    ring = served.data_dir / "encryption.keys"
    rotated = manage(served.data_dir, "rotate_keys", "--json")
    dropped = manage(served.data_dir, "rotate_keys", "--drop-old")
    time.sleep(1)

    assert (rotated.returncode, json.loads(rotated.stdout)) == (0, {"rotated": 1})
    assert (dropped.returncode, len(dropped.stderr.strip().splitlines())) == (1, 1)
    assert len(ring.read_text(encoding="utf-8").split()) == 2
    assert stat.S_IMODE(ring.stat().st_mode) == 0o600
    assert served.get("/api.rsc/items", HEADERS)[0] == 200


def test_reset_admin_gives_a_link_that_the_running_server_opens(served: Served) -> None:
    done = manage(served.data_dir, "reset_admin", "--json", extra={"APISERVER_PUBLIC_URL": "https://api.example.com"})

    told = json.loads(done.stdout)
    assert (done.returncode, done.stdout.count("\n")) == (0, 1)
    assert told["setup_url"] == f"https://api.example.com{told['setup_path']}"
    assert served.get(told["setup_path"])[0] == 200


def test_commands_work_with_no_server_running(data: Path) -> None:
    done = [manage(data, *command) for command in (["rotate_keys", "--json"], ["rotate_keys", "--drop-old"], ["check_connector", "shop"])]

    assert [item.returncode for item in done] == [0, 0, 0]
    assert len((data / "encryption.keys").read_text(encoding="utf-8").split()) == 1
    assert manage(data, "export").returncode == 0


# ---- where things are ----


def test_data_directory_is_in_the_home_directory_unless_named(tmp_path: Path) -> None:
    own = {name: value for name, value in variables(tmp_path).items() if name != "APISERVER_DATA_DIR"} | {"HOME": str(tmp_path)}

    done = subprocess.run([sys.executable, "manage.py", "export"], cwd=ROOT, env=own, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert (tmp_path / ".apiserver" / "apiserver.sqlite3").exists()
    assert stat.S_IMODE((tmp_path / ".apiserver").stat().st_mode) == 0o700


def test_data_directory_of_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment.sys, "platform", "win32")
    monkeypatch.setenv("PROGRAMDATA", str(tmp_path))
    monkeypatch.delenv("APISERVER_DATA_DIR")

    assert environment.data_dir() == (tmp_path / "APIServer").resolve()


def test_server_listens_on_this_machine_and_8153_unless_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from apiserver.server.management.commands.serve import Command

    for name in ("APISERVER_HOST", "APISERVER_PORT", "PORT"):
        monkeypatch.delenv(name, raising=False)
    told = Command().create_parser("manage.py", "serve").parse_args([])
    monkeypatch.setenv("PORT", "8080")
    of_a_platform = Command().create_parser("manage.py", "serve").parse_args([])
    monkeypatch.setenv("APISERVER_PORT", "9000")
    own = Command().create_parser("manage.py", "serve").parse_args([])

    assert (told.host, told.port, of_a_platform.port, own.port) == ("127.0.0.1", 8153, 8080, 9000)
