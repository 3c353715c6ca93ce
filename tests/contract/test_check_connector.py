"""`manage.py check_connector`: the named steps of a stored connection; the exit code tells."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.contract.small import small
from tests.fakes.bitbucket import Bitbucket
from tests.served import manage
from tests.servers import Server, free_port


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, postgres_server: Server) -> Path:
    folder = tmp_path_factory.mktemp("check")
    found = small(folder)
    away = {"Server": "127.0.0.1", "Port": free_port(), "User": "postgres", "Password": "hidden-word-9", "Database": "x"}
    here = {"Server": postgres_server.host, "Port": postgres_server.port, "User": "postgres", "Database": "postgres"}
    found["connections"] |= {
        "away": {"connector": "postgresql", "properties": away},
        "here": {"connector": "postgresql", "properties": here},
    }
    (folder / "file.json").write_text(json.dumps(found), encoding="utf-8")
    data = folder / "data"
    data.mkdir()
    assert manage(data, "apply", str(folder / "file.json")).returncode == 0
    return data


@pytest.mark.parametrize("name", ["shop", "here"])
def test_connection_that_works_exits_0(data: Path, name: str) -> None:
    done = manage(data, "check_connector", name, "--json")

    told = json.loads(done.stdout)
    assert (done.returncode, told["ok"], told["connection"]) == (0, True, name)
    assert told["steps"] and all(step["ok"] for step in told["steps"])
    assert all(finding["ok"] for finding in told["tables"])


def test_tables_are_described_and_read(data: Path) -> None:
    done = manage(data, "check_connector", "shop", "--json")
    one = manage(data, "check_connector", "shop", "--table", "nothing", "--json")
    none = manage(data, "check_connector", "shop", "--tables", "0", "--json")

    found = {(finding["table"], finding["step"]) for finding in json.loads(done.stdout)["tables"]}
    assert {step for _, step in found} == {"read"} and len(found) > 0
    assert json.loads(none.stdout)["tables"] == []
    missing = json.loads(one.stdout)
    assert (one.returncode, missing["ok"]) == (1, False)
    assert [(finding["table"], finding["ok"], finding["message"]) for finding in missing["tables"]] == [
        ("nothing", False, "There is no table nothing in the database.")
    ]


def test_pushdown_is_compared_on_a_service(tmp_path: Path) -> None:
    with Bitbucket() as fake:
        properties = {"AuthScheme": "Basic", "User": "aoi@example.com", "APIToken": "api-token-1", "Workspace": "acme", "Schema": "shop"}
        cloud = {"connector": "bitbucket", "properties": {**properties, "URL": f"{fake.url}/2.0"}}
        file = tmp_path / "file.json"
        file.write_text(json.dumps({"server": {"outgoing": {"allow": [fake.address]}}, "connections": {"cloud": cloud}}), encoding="utf-8")
        assert manage(tmp_path, "apply", str(file)).returncode == 0
        done = manage(tmp_path, "check_connector", "cloud", "--table", "Issues", "--table", "shop.Tags", "--json")

    told = json.loads(done.stdout)
    compared = {(item["table"], item["message"].split(":")[0]) for item in told["tables"] if item["step"] == "pushdown"}
    assert (done.returncode, told["ok"]) == (0, True), told
    assert {("shop.Issues", "Id eq"), ("shop.Issues", "Id ge"), ("shop.Tags", "Name eq")} <= compared


def test_connection_that_fails_exits_1_at_the_step_with_a_hint(data: Path) -> None:
    done = manage(data, "check_connector", "away", "--json")
    read = manage(data, "check_connector", "away")

    told = json.loads(done.stdout)
    assert (done.returncode, told["ok"], read.returncode) == (1, False, 1)
    assert [step["ok"] for step in told["steps"]][-1] is False
    assert told["steps"][-1]["hint"] in read.stdout
    assert "hidden-word-9" not in done.stdout + done.stderr + read.stdout + read.stderr


def test_unknown_connection_is_named_with_the_nearest(data: Path) -> None:
    done = manage(data, "check_connector", "awya")

    assert done.returncode == 1
    assert "'awya'" in done.stderr and "away" in done.stderr
