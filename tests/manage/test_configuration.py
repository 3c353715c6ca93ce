"""Settings, apply and export by the management API; what it makes, exports as the file that says the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from django.utils import timezone

from apiserver.server import configuration, options
from connections.models import Connection
from tests.manage.conftest import Caller, audited, error
from users.models import Group, User

TOKEN = "flow-token-0123456789-abcdefgh"


def entries(shop: str) -> dict[str, Any]:
    """Return a configuration file that uses every section."""
    return {
        "server": {
            "public_url": "https://api.example.com",
            "api": {"title": "Sales", "contact": {"email": "desk@example.com"}},
            "page_size": 50,
            "cors": {"enabled": True},
        },
        "connections": {
            "shop": {"connector": "sqlite", "properties": {"Database": shop}, "labels": ["demo"], "max_rows": 100},
            "sales": {
                "connector": "postgresql",
                "properties": {"Server": "db.example.com", "Port": 5433, "User": "reader", "Password": "hidden words"},
                "read_only": True,
            },
        },
        "resources": {
            "Orders": {
                "connection": "shop",
                "table": "Orders",
                "title": "All orders",
                "columns": {"Id": "OrderId", "Buyer": {"label": "Who", "read_only": True}},
                "methods": ["GET", "PATCH"],
                "relations": {"Same": {"to": "Goods", "columns": {"Id": "Id"}}},
            },
            "Goods": {"connection": "shop", "table": "Goods", "etag": "none", "search": ["Name"]},
        },
        "groups": {"team": {"privileges": ["GET"], "resources": {"Orders": {"columns": ["OrderId"], "filter": "OrderId gt 1"}}}},
        "users": {
            "ada": {"role": "admin", "privileges": ["GET"]},
            "flow": {
                "role": "query",
                "privileges": ["GET", "PATCH"],
                "groups": ["team"],
                "resources": {"Goods": {"methods": ["GET"]}},
                "authtoken": TOKEN,
                "requests_per_hour": 100,
            },
        },
    }


def test_what_the_api_makes_exports_as_the_same_file(admin: Caller, shop: str) -> None:
    wanted = entries(shop)
    assert admin("PATCH", "/server/", wanted["server"]).status_code == 200
    for room in ("connections", "resources", "groups", "users"):
        for name, entry in wanted[room].items():
            rest = {key: value for key, value in entry.items() if key != "relations"}
            method = "PATCH" if name == "ada" else "PUT"
            answer = admin(method, f"/{room}/{name}/", rest)
            assert answer.status_code in (200, 201), answer.content
    assert admin("PATCH", "/resources/Orders/", {"relations": wanted["resources"]["Orders"]["relations"]}).status_code == 200
    by_api = admin("GET", "/export/").content.decode()

    assert not configuration.diff(wanted, now=timezone.now(), prune=True).is_any
    for model in (User.objects.exclude(name="ada"), Group.objects.all()):
        model.delete()
    Connection.objects.get(name="shop").resources.all().delete()  # type: ignore[attr-defined]
    Connection.objects.all().delete()
    options.replace({})
    configuration.apply(wanted, now=timezone.now())

    assert configuration.export() == by_api


def test_apply_takes_the_file_as_json_yaml_or_wrapped(admin: Caller, shop: str) -> None:
    wanted = entries(shop)
    as_yaml = yaml.safe_dump(wanted, sort_keys=False).encode()

    dry = admin("POST", "/apply/?dry_run=true", wanted).json()
    nothing_yet = Connection.objects.count()
    done = admin("POST", "/apply/", as_yaml, media="application/yaml").json()
    again = admin("POST", "/apply/", {"configuration": as_yaml.decode()}).json()

    assert (dry["changed"], "connections/shop" in dry["created"], nothing_yet) == (True, True, 0)
    assert (dry["created"], dry["updated"]) == (done["created"], done["updated"])
    assert again == {"changed": False, "created": [], "updated": [], "deleted": [], "authtokens": {}}
    assert [entry for entry in audited() if entry[0] == "ada"] == [("ada", "configuration applied")]


def test_apply_tells_generated_authtokens_but_not_when_dry(admin: Caller) -> None:
    file = {"users": {"flow": {"privileges": ["GET"]}}}

    dry, done = admin("POST", "/apply/?dry_run=1", file).json(), admin("POST", "/apply/", file).json()

    assert (dry["authtokens"], list(done["authtokens"])) == ({}, ["flow"])


def test_prune_deletes_what_the_file_lacks(connected: Caller) -> None:
    told = connected("POST", "/apply/?prune=true", {"connections": {}}).json()

    assert told["deleted"] == ["connections/shop"]
    assert User.objects.filter(name="ada").exists()


def test_variables_come_with_the_request(admin: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    file = {"users": {"flow": {"authtoken": {"env": "FLOW"}}}}
    monkeypatch.setenv("FLOW", TOKEN)

    refused = admin("POST", "/apply/", file)
    done = admin("POST", "/apply/", {"configuration": file, "variables": {"FLOW": TOKEN}})
    monkeypatch.setenv("APISERVER_SECRET_USERS_FLOW_AUTHTOKEN", TOKEN)
    same = admin("POST", "/apply/", {"users": {"flow": {"authtoken": {"env": "APISERVER_SECRET_USERS_FLOW_AUTHTOKEN"}}}})

    assert (refused.status_code, "FLOW" in error(refused)["message"]) == (422, True)
    assert (done.json()["created"], same.json()["changed"]) == (["users/flow"], False)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"conections": {}}, "connections"),
        ({"jobs": {"a": {}}}, "jobs.a.destination is missing"),
        ({"users": {"a": {"role": {"file": "/etc/passwd"}}}}, "manage.py apply"),
        ({"users": {"a": {"role": "boss"}}}, "users.a.role"),
        ({"users": []}, "users must be a mapping"),
        ({"configuration": "users: [", "variables": {}}, "no YAML"),
        ({"configuration": {}, "variable": {}}, "variables"),
        ({"configuration": {}, "variables": {"A": 1}}, "variables"),
        ({"configuration": {}, "passphrase": "short"}, "passphrase"),
        ({"configuration": "a: &a [1]\nusers: *a"}, "aliases"),
        ({"configuration": 5}, "mapping"),
    ],
)
def test_bad_files_change_nothing(admin: Caller, body: Any, says: str) -> None:
    answer = admin("POST", "/apply/", body)

    assert (answer.status_code, says in error(answer)["message"]) == (422, True), answer.content
    assert User.objects.count() == 1


def test_broken_yaml_and_switches(admin: Caller) -> None:
    assert admin("POST", "/apply/", b"a: [", media="text/yaml").status_code == 422
    assert admin("POST", "/apply/", b"\xff\xfe", media="text/yaml").status_code == 422
    assert admin("POST", "/apply/?prune=maybe", {}).status_code == 400


def test_sealed_export_opens_with_its_passphrase_only(connected: Caller) -> None:
    connected("PUT", "/connections/sales/", {"connector": "postgresql", "properties": {"Password": "hidden words"}})
    sealed = connected("POST", "/export/", {"passphrase": "a long pass phrase"})
    text = sealed.content.decode()

    wrong = connected("POST", "/apply/", {"configuration": text, "passphrase": "another pass phrase"})
    right = connected("POST", "/apply/", {"configuration": text, "passphrase": "a long pass phrase"})

    assert (sealed.status_code, "hidden words" in text, "sealed" in text) == (200, False, True)
    assert (wrong.status_code, right.json()["changed"]) == (422, False)
    assert ("ada", "configuration exported") in audited()
    assert connected("POST", "/export/", {}).status_code == 422


def test_export_is_json_where_json_is_accepted(connected: Caller) -> None:
    plain, data = connected("GET", "/export/"), connected("GET", "/export/", Accept="application/json")

    assert (plain["Content-Type"], data["Content-Type"]) == ("application/yaml; charset=utf-8", "application/json")
    assert yaml.safe_load(plain.content) == data.json()


def test_settings_are_read_and_changed(admin: Caller) -> None:
    read = admin("GET", "/server/")

    changed = admin("PATCH", "/server/", {"page_size": 20, "cors": {"enabled": True}}, If_Match=read["ETag"])
    back = admin("PATCH", "/server/", changed.json())

    assert (read.json()["page_size"], changed.json()["page_size"], changed.json()["cors"]["enabled"]) == (1000, 20, True)
    assert (back.status_code, options.current().page_size, options.current().cors["max_age"]) == (200, 20, 3600)
    assert audited() == [("ada", "settings changed")]
    assert admin("PATCH", "/server/", {"page_size": 5}, If_Match=read["ETag"]).status_code == 412


@pytest.mark.parametrize(
    ("body", "target"),
    [
        ({"page_size": -1}, "page_size"),
        ({"page_sise": 5}, "page_sise"),
        ({"trusted_addresses": ["10.0.0.0/8"]}, "trusted_addresses"),
        ({"trusted_addresses": ["nowhere"]}, "trusted_addresses[0]"),
        ({"trusted_addresses": "127.0.0.1"}, "trusted_addresses"),
        ({"trusted_addresses": [5]}, "trusted_addresses[0]"),
        ({"cors": {"enable": True}}, "cors.enable"),
        ({"public_url": "ftp://x"}, "public_url"),
        ({"anonymous": "yes"}, "anonymous"),
    ],
)
def test_bad_settings_are_refused_by_field(admin: Caller, body: Any, target: str) -> None:
    answer = admin("PATCH", "/server/", body)

    assert (answer.status_code, error(answer)["target"]) == (422, target), answer.content
    assert options.stored() == {}


def test_locked_settings_are_told_and_refused(admin: Caller, settings: Any) -> None:
    file = Path(settings.DATA_DIR) / "settings.cfg"
    file.write_text("[Application]\nAllowAuthtokenInURL = true\n", encoding="utf-8")
    options.Cache.known = None
    try:
        read = admin("GET", "/server/").json()
        answer = admin("PATCH", "/server/", {"allow_authtoken_in_url": False})
    finally:
        file.unlink()
        options.Cache.known = None

    assert (read["locked"], read["allow_authtoken_in_url"]) == ({"allow_authtoken_in_url": "settings.cfg"}, True)
    assert (answer.status_code, error(answer)["target"]) == (422, "allow_authtoken_in_url")
