"""The pipelines as they are downloaded: their shell steps run against the real server, the real paconn and a stand-in of the service."""

from __future__ import annotations

import io
import json
import re
import sqlite3
import subprocess
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml
from django.core.management import call_command

from apiserver.powerplatform.pipelines import KINDS, VARIABLES, pipeline
from tests.fakes.power_platform import ENVIRONMENT, PASSWORD, STORE, TENANT, USER, PowerPlatform
from tests.powerplatform.paconn import Machine
from tests.powerplatform.pipeline_steps import READERS
from tests.served import ROOT, Served, publish

ADMIN, FLOW = "an-administrators-authtoken-0123", "a-flows-authtoken-0123456789"


def configuration(folder: Path, *tables: str) -> dict[str, Any]:
    return {
        "server": {"public_url": "https://api.example.com"},
        "connections": {"shop": {"connector": "sqlite", "properties": {"Database": str(folder / "shop.db")}}},
        "resources": {table: {"connection": "shop", "table": table} for table in tables},
        "users": {
            "boss": {"role": "admin", "privileges": ["GET"], "authtoken": ADMIN},
            "flow": {"role": "query", "privileges": ["GET", "POST"], "authtoken": FLOW},
        },
    }


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("pipelines")
    with closing(sqlite3.connect(folder / "shop.db")) as database:
        database.executescript("CREATE TABLE orders (id integer PRIMARY KEY); CREATE TABLE notes (id integer PRIMARY KEY, note text)")
    found = publish(configuration(folder, "orders"), folder / "data")
    yield found
    found.dismiss()


@pytest.fixture
def machine(served: Served, tmp_path: Path) -> Iterator[Machine]:
    """A build machine with the repository's configuration file, and a connector that was made of the package."""
    for name in ("home", "work"):
        (tmp_path / name).mkdir()
    server = configuration(served.data_dir.parent, "orders", "notes")
    (tmp_path / "work" / "server.yaml").write_text(yaml.safe_dump(server))
    with PowerPlatform(tmp_path) as service:
        create(service, served)
        yield Machine(service, tmp_path / "home", tmp_path / "work")


def create(service: PowerPlatform, served: Served) -> None:
    """Give the service a connector of one table, as it would be after `paconn create`."""
    status, _, body = served.get("/api.rsc/$connector?resources=orders", {"x-cdata-authtoken": FLOW})
    assert status == 200, body
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        definition, properties = (json.loads(archive.read(name)) for name in ("apiDefinition.swagger.json", "apiProperties.json"))
        service.blobs["made/icon.png"] = archive.read("icon.png")
    stored = {"openApiDefinition": definition, "displayName": "Tables", "iconUri": f"https://{STORE}/made/icon.png?sig=0"}
    service.connectors["shared_tables-5f0123-5f4567"] = properties["properties"] | stored


def variables(machine: Machine, served: Served) -> dict[str, str]:
    """Return what is filled in; the connector's id as it stands in the portal's address."""
    (connector,) = machine.service.connectors
    return {
        "API_CONFIGURATION": "server.yaml",
        "API_URL": served.base,
        "API_ADMIN_TOKEN": ADMIN,
        "API_TOKEN": FLOW,
        "PP_ENVIRONMENT": ENVIRONMENT,
        "PP_CONNECTOR_ID": quote(connector, safe="").replace("-", "%2D"),
        "PP_TENANT": TENANT,
        "PP_USER": USER,
        "PP_PASSWORD": PASSWORD,
    }


def run(kind: str, machine: Machine, given: dict[str, str]) -> tuple[str, str]:
    """Run the pipeline; return the title of the step that failed, "" for none, and everything that was said."""
    secrets = {item.name for item in VARIABLES if item.is_secret}
    plain = {name: value for name, value in given.items() if name not in secrets}
    failed, said = "", ""
    for step in READERS[kind](pipeline(kind)):
        if failed and not step.is_always:
            continue
        done = machine.run(["bash", "-c", step.script], more=plain | {name: given[name] for name in step.given})
        said += done.stdout + done.stderr
        failed = failed or (step.title if done.returncode else "")
    return failed, said


@pytest.mark.parametrize("kind", KINDS)
def test_the_new_table_reaches_the_connector_and_nothing_else_changes(kind: str, machine: Machine, served: Served) -> None:
    (before,) = machine.service.connectors.values()

    failed, said = run(kind, machine, variables(machine, served))

    assert failed == "", said
    (after,) = machine.service.connectors.values()
    assert "/notes" not in before["openApiDefinition"]["paths"]
    assert "/notes" in after["openApiDefinition"]["paths"]
    assert after["connectionParameters"] == before["connectionParameters"]
    assert names_of_pages(after) == sorted(
        item["get"]["operationId"] for item in after["openApiDefinition"]["paths"].values() if "x-ms-pageable" in item.get("get", {})
    )
    assert not machine.has_credentials
    assert [secret for secret in (ADMIN, FLOW, PASSWORD) if secret in said] == []


def names_of_pages(connector: dict[str, Any]) -> list[str]:
    (found,) = (item for item in connector["policyTemplateInstances"] if item["templateId"] == "updatenextlink")
    return list(found["parameters"]["x-ms-apimTemplate-operationName"])


@pytest.mark.parametrize(
    ("control", "changed", "step"),
    [
        ({"findings": ["Info: a summary is missing."]}, {}, "Validate"),
        ({"refuse_update": True}, {}, "Update the connector"),
        ({}, {"PP_PASSWORD": "wrong"}, "Sign in"),
        ({}, {"API_TOKEN": "wrong-token-0123456789abcdef"}, "Put the new definition in"),
    ],
    ids=["findings", "refused", "password", "authtoken"],
)
def test_a_failure_ends_it_and_leaves_no_credentials(
    control: dict[str, Any], changed: dict[str, str], step: str, machine: Machine, served: Served
) -> None:
    machine.service.control.update(control)
    (before,) = machine.service.connectors.values()

    failed, said = run("github", machine, variables(machine, served) | changed)

    assert failed == step, said
    assert [*machine.service.connectors.values()] == [before]
    assert not machine.has_credentials


def test_a_mistake_in_the_configuration_ends_it_before_anything_is_deployed(machine: Machine, served: Served) -> None:
    (machine.folder / "server.yaml").write_text("resource: {}\n")

    failed, said = run("azure", machine, variables(machine, served))

    assert (failed, "resource is not known" in said) == ("Check the configuration", True)


def test_a_server_on_the_own_machine_is_changed_by_its_command(machine: Machine, served: Served, tmp_path: Path) -> None:
    home, given = tmp_path / "server", variables(machine, served)
    (home / ".venv" / "bin").mkdir(parents=True)
    (home / ".venv/bin/python").write_text(f'#!/bin/sh\ncd {ROOT} && exec {ROOT}/.venv/bin/python "$@"\n')
    (home / ".venv/bin/python").chmod(0o755)
    steps = {item.title: item.script for item in READERS["jenkins"](pipeline("jenkins"))}
    more = {"API_HOME": str(home), "APISERVER_DATA_DIR": str(served.data_dir), "API_CONFIGURATION": given["API_CONFIGURATION"]}

    done = [machine.run(["bash", "-c", steps[title]], more=more) for title in ("Check the configuration", "Apply the configuration")]

    assert [item.returncode for item in done] == [0, 0], [item.stderr for item in done]


@pytest.mark.parametrize("kind", KINDS)
def test_only_variables_are_to_be_filled_in(kind: str) -> None:
    text = pipeline(kind)

    assert [item.name for item in VARIABLES if item.name not in text] == []
    assert re.findall(r"TODO|FIXME|<your", text) == []
    for step in READERS[kind](text):
        subprocess.run(["bash", "-n"], input=step.script, text=True, check=True)


def test_the_command_writes_each_kind(tmp_path: Path) -> None:
    call_command("powerplatform", "pipeline", "--kind", "github", "--output", str(tmp_path / "connector.yml"))

    assert (tmp_path / "connector.yml").read_text() == pipeline("github")
    assert json.dumps(yaml.safe_load(pipeline("azure")))
