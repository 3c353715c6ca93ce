"""apply, diff, export: whole or not at all, twice is once, and what is wrong is named."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import CommandError, call_command

from apiserver.server import configuration, options, stamp
from apiserver.server.models import Audit
from users import tokens
from users.models import Authtoken, Group, User

pytestmark = pytest.mark.usefixtures("fresh")
TOKEN = "flow-token-0123456789abcdef"


def command(name: str, path: Path, *arguments: str) -> tuple[int, str, str]:
    """Run a command; return exit code, output and errors."""
    out, err = StringIO(), StringIO()
    try:
        call_command(name, str(path), *arguments, stdout=out, stderr=err)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


def apply(tmp_path: Path, data: Any, *arguments: str) -> dict[str, Any]:
    file = tmp_path / "server.yaml"
    file.write_text(data if isinstance(data, str) else yaml.safe_dump(data), encoding="utf-8")
    code, out, err = command("apply", file, "--json", *arguments)
    assert len(out.splitlines()) == 1, err
    return {"code": code, **json.loads(out)}


def test_applied_twice_changes_nothing_the_second_time(tmp_path: Path) -> None:
    data = {
        "server": {"page_size": 50, "cors": {"enabled": True}, "trusted_addresses": ["127.0.0.1", "10.0.0.0/8"]},
        "groups": {"sales": {"privileges": ["POST"]}},
        "users": {
            "flow": {"role": "query", "privileges": ["GET"], "groups": ["sales"], "authtoken": TOKEN},
            "lead": {"privileges": ["GET"]},
        },
    }

    first, second = apply(tmp_path, data), apply(tmp_path, data)

    assert first["created"] == ["groups/sales", "users/flow", "users/lead"]
    assert (first["changed"], first["updated"], list(first["authtokens"])) == (True, ["server"], ["lead"])
    assert second == {"code": 0, "changed": False, "created": [], "updated": [], "deleted": [], "authtokens": {}}
    assert options.current().cors["allow_methods"] == ["GET", "PUT", "POST", "OPTIONS"]
    assert Audit.objects.filter(action="configuration applied").count() == 1


def test_json_and_empty_files_are_files_too(tmp_path: Path) -> None:
    assert apply(tmp_path, json.dumps({"server": {"page_size": 5}}))["changed"] is True
    assert apply(tmp_path, "")["changed"] is False
    assert apply(tmp_path, "server:\nusers:\n")["changed"] is False


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"sever": {}}, ["sever", "server"]),
        ({"server": {"page_sise": 1}}, ["server.page_sise", "page_size"]),
        ({"server": {"cors": {"enable": True}}}, ["server.cors.enable", "enabled"]),
        ({"users": {"flow": {"role": "admn"}}}, ["users.flow.role", "admin"]),
        ({"users": {"flow": {"privilege": ["GET"]}}}, ["users.flow.privilege", "privileges"]),
        ({"users": {"flow": {"privileges": ["GTE"]}}}, ["users.flow.privileges", "GET"]),
        ({"users": {"flow": {"groups": ["sale"]}}}, ["users.flow.groups", "sale"]),
        ({"users": {"flow": {"authtoken": "short"}}}, ["users.flow.authtoken", "22 to 128"]),
        ({"users": {"flow": {"authtoken": {"env": "NOT_SET_ANYWHERE"}}}}, ["users.flow.authtoken", "NOT_SET_ANYWHERE"]),
        ({"users": {"flow": {"authtoken": {"file": "/not/there"}}}}, ["users.flow.authtoken", "/not/there"]),
        ({"users": {"flow": {"resources": {"Ordres": {}}}}}, ["users.flow.resources", "Ordres"]),
        ({"users": {"a/b": {}}}, ["users.a/b", "name"]),
        ({"users": ["flow"]}, ["users", "mapping"]),
        ({"jobs": {"a": {}}}, ["jobs.a.destination", "missing"]),
        ([1, 2], ["mapping"]),
        ("server: {page_size: 1}\nserver: {page_size: 2}", ["server", "twice"]),
        ("server: [", ["YAML"]),
    ],
)
def test_what_is_wrong_is_named_and_nothing_changes(tmp_path: Path, data: Any, words: list[str]) -> None:
    before = stamp.value()
    good = {"server": {"page_size": 7}, **data} if isinstance(data, dict) and "server" not in data else data

    told = apply(tmp_path, good)

    assert (told["code"], told["changed"]) == (1, False)
    assert [word for word in words if word not in told["error"]] == []
    assert (options.stored(), User.objects.count(), stamp.value()) == ({}, 0, before)


def test_values_come_from_variables_and_files_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOW_TOKEN", TOKEN)
    monkeypatch.setenv("PAGE", "25")
    monkeypatch.setenv("ADDRESSES", "[127.0.0.1, 10.0.0.1]")
    (tmp_path / "title").write_text("Sales data\n")

    told = apply(
        tmp_path,
        {
            "server": {
                "page_size": {"env": "PAGE"},
                "trusted_addresses": {"env": "ADDRESSES"},
                "api": {"title": {"file": str(tmp_path / "title")}},
            },
            "users": {"flow": {"authtoken": {"env": "FLOW_TOKEN"}}},
        },
    )

    assert told["code"] == 0, told
    assert options.current().page_size == 25
    assert options.current().trusted_addresses == ("127.0.0.1", "10.0.0.1")
    assert options.current().api == {"title": "Sales data"}
    assert Authtoken.objects.get().sha256 == tokens.digest(TOKEN)


def test_prune_deletes_the_unmentioned_but_nobody_who_signs_in(tmp_path: Path) -> None:
    User.objects.create_user("admin", "a long password", role="admin")
    apply(tmp_path, {"server": {"page_size": 9}, "groups": {"sales": {}}, "users": {"flow": {}, "lead": {}}})

    kept = apply(tmp_path, {"users": {"flow": {}}})
    pruned = apply(tmp_path, {"users": {"flow": {}}}, "--prune")

    assert kept["changed"] is False
    assert (pruned["updated"], pruned["deleted"]) == (["server"], ["groups/sales", "users/lead"])
    assert set(User.objects.values_list("name", flat=True)) == {"admin", "flow"}


def test_pruned_group_frees_nobody(tmp_path: Path) -> None:
    user = User.objects.create_user("flow", privileges=["GET"])
    user.groups.add(Group.objects.create(name="sales", resources={"Orders": {}}))

    apply(tmp_path, {"users": {"flow": {}}}, "--prune")

    user.refresh_from_db()
    assert user.resources == {}


def test_diff_tells_and_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "server.yaml"
    file.write_text("server: {page_size: 12}\nusers: {flow: {}}")

    different = command("diff", file, "--json")
    missing = command("diff", tmp_path / "missing.yaml")

    assert (different[0], json.loads(different[1])["created"], options.stored(), User.objects.count()) == (2, ["users/flow"], {}, 0)
    assert (missing[0], "missing.yaml" in missing[2]) == (1, True)
    apply(tmp_path, {"server": {"page_size": 12}, "users": {"flow": {}}})
    assert command("diff", file)[0] == 0


def test_export_names_variables_and_applies_to_an_empty_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    apply(
        tmp_path,
        {
            "server": {"page_size": 12, "cors": {"enabled": True}},
            "groups": {"sales": {"privileges": ["POST"]}},
            "users": {"flow": {"privileges": ["GET"], "groups": ["sales"], "authtoken": TOKEN, "requests_per_hour": 5, "active": False}},
        },
    )
    file, again = tmp_path / "export.yaml", tmp_path / "again.yaml"
    command("export", file)
    same = command("diff", file)
    assert TOKEN not in file.read_text()
    monkeypatch.setenv("APISERVER_SECRET_USERS_FLOW_AUTHTOKEN", TOKEN)
    assert command("diff", file)[0] == 0
    User.objects.all().delete()
    Group.objects.all().delete()
    options.replace({})

    code, _, err = command("apply", file)
    command("export", again)

    assert (same[0], "APISERVER_SECRET_USERS_FLOW_AUTHTOKEN" in same[2]) == (1, True)
    assert (code, err, again.read_text()) == (0, "", file.read_text())
    assert Authtoken.objects.get().sha256 == tokens.digest(TOKEN)


def test_sealed_export_opens_with_its_passphrase_only(tmp_path: Path) -> None:
    apply(tmp_path, {"users": {"flow": {"authtoken": TOKEN}}})
    file, right, wrong = tmp_path / "sealed.yaml", tmp_path / "right", tmp_path / "wrong"
    right.write_text("correct horse\n")
    wrong.write_text("wrong horse")

    command("export", file, "--passphrase-file", str(right))

    assert TOKEN not in file.read_text()
    assert command("diff", file, "--passphrase-file", str(right))[0] == 0
    assert command("diff", file, "--passphrase-file", str(wrong))[0] == 1
    assert "--passphrase-file" in command("diff", file)[2]
    with pytest.raises(CommandError, match="missing"):
        command("export", file, "--passphrase-file", str(tmp_path / "missing"))


def test_token_of_somebody_else_is_refused(tmp_path: Path) -> None:
    apply(tmp_path, {"users": {"flow": {"authtoken": TOKEN}}})

    told = apply(tmp_path, {"users": {"lead": {"authtoken": TOKEN}}})

    assert (told["code"], "users.lead.authtoken" in told["error"]) == (1, True)


def test_new_token_in_the_file_ends_the_old_one(tmp_path: Path) -> None:
    apply(tmp_path, {"users": {"flow": {"authtoken": TOKEN}}})

    told = apply(tmp_path, {"users": {"flow": {"authtoken": TOKEN[::-1]}}})

    assert told["updated"] == ["users/flow"]
    assert [token.sha256 for token in Authtoken.objects.all()] == [tokens.digest(TOKEN[::-1])]


def test_characters_that_json_escapes_in_two_halves_are_whole(tmp_path: Path) -> None:
    file = tmp_path / "file.json"
    file.write_text(r'{"server": {"api": {"title": "\ud83d\ude00 \u30c6"}}}', encoding="utf-8")
    assert configuration.load(file)["server"]["api"]["title"] == "😀 テ"

    file.write_text(r'{"server": {"api": {"title": "\ud83d"}}}', encoding="utf-8")
    with pytest.raises(configuration.ConfigurationError, match="half a character"):
        configuration.load(file)
