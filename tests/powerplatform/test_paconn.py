"""Microsoft's own tool takes the package: signs in, creates, validates, downloads, updates, and downloads the same again."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from apiserver.powerplatform.package import build
from apiserver.resources.services import catalog_for
from apiserver.server.package_choices import AUTHS, Choices
from tests.fakes.power_platform import ENVIRONMENT, PowerPlatform
from tests.fakes.power_platform_rules import definition_findings, package_problems
from tests.powerplatform.paconn import Machine
from users.models import User
from users.principal import principal_of

ROOT = "https://api.example.com/api.rsc"
CODED = ("apiDefinition.swagger.json", "apiProperties.json")


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    (tmp_path / "home").mkdir()
    (tmp_path / "work").mkdir()
    with PowerPlatform(tmp_path) as service:
        yield Machine(service, tmp_path / "home", tmp_path / "work")


def unpack(folder: Path, **choices: Any) -> None:
    """Put the package of the user `flow` into a folder."""
    found = build(catalog_for(principal_of(User.objects.get(name="flow"))), ROOT, Choices(**choices))
    folder.mkdir(exist_ok=True)
    for name, content in found.files.items():
        (folder / name).write_bytes(content)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def values(folder: Path) -> list[Any]:
    return [json.loads((folder / name).read_text()) for name in CODED] + [(folder / "icon.png").read_bytes()]


def without_secret(parts: list[Any]) -> list[Any]:
    for parameter in parts[1]["properties"]["connectionParameters"].values():
        parameter.get("oAuthSettings", {}).pop("clientSecret", None)
    return parts


@pytest.mark.parametrize(
    "choices", [{"auth": "api-key"}, {"auth": "oauth", "client_id": "abc", "name": "Field service"}], ids=["key", "oauth"]
)
def test_a_package_comes_back_as_it_went(flow: Client, machine: Machine, choices: dict[str, Any]) -> None:
    unpack(machine.folder, environment=ENVIRONMENT, **choices)
    assert "ABCD1234" in machine.paconn("login")
    secret = ["--secret", "hidden"] if choices["auth"] in ("oauth", "aad") else []

    assert "validated successfully" in machine.paconn("validate", "--api-def", "apiDefinition.swagger.json")
    created = machine.paconn("create", "-s", "settings.json", "-w", *secret)
    name = re.findall(r"(shared_\S+) created", created)[0]
    machine.paconn("download", "-e", ENVIRONMENT, "-c", name, "-d", "first")
    shutil.copytree(machine.folder / "first", machine.folder / "kept")
    done = machine.run(["paconn", "update", "-s", "settings.json"], answers="")
    assert done.returncode == 0, done.stderr
    machine.paconn("download", "-e", ENVIRONMENT, "-c", name, "-d", "second")

    assert values(machine.folder / "first") == without_secret(values(machine.folder))
    assert contents(machine.folder / "second") == contents(machine.folder / "kept")


@pytest.mark.parametrize("auth", AUTHS)
@pytest.mark.parametrize("is_behind", [False, True], ids=["direct", "gateway"])
def test_the_service_takes_each_sign_in(flow: Client, auth: str, is_behind: bool) -> None:
    found = build(catalog_for(principal_of(User.objects.get(name="flow"))), ROOT, Choices(auth=auth, gateway=is_behind, client_id="abc"))
    definition, properties = (json.loads(found.files[name]) for name in CODED)
    service = f"https://{definition['host']}{definition['basePath']}"
    sent = properties["properties"] | {"openApiDefinition": definition, "backendService": {"serviceUrl": service}}

    assert definition_findings(definition, is_strict=True) == []
    assert package_problems(sent) == []


def test_the_environment_is_asked_for_where_the_package_names_none(flow: Client, machine: Machine) -> None:
    unpack(machine.folder)
    machine.paconn("login")

    done = machine.run(["bash", "-c", "script -qec 'paconn create -s settings.json -w' /dev/null"], answers="1\n")

    assert "Environment selected: Trials" in done.stdout
    assert len(machine.service.connectors) == 1


def test_what_the_service_objects_to_is_told(flow: Client, machine: Machine) -> None:
    unpack(machine.folder, environment=ENVIRONMENT)
    file = machine.folder / "apiDefinition.swagger.json"
    broken = json.loads(file.read_text())
    next(iter(broken["paths"].values()))["get"]["operationId"] = "not an id"
    file.write_text(json.dumps(broken))
    machine.paconn("login")

    said = machine.paconn("validate", "--api-def", "apiDefinition.swagger.json")

    assert "OperationIdRequired" in said
    assert "validated successfully" not in said
