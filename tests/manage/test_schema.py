"""The description of the management API, and the page that shows it."""

from __future__ import annotations

import json

import pytest
from openapi_spec_validator import OpenAPIV30SpecValidator

from tests.manage.conftest import Caller


def test_schema_is_valid_and_names_every_room(operator: Caller) -> None:
    answer = operator("GET", "/schema/")
    document = json.loads(answer.content)

    assert (answer.status_code, answer["Content-Type"], document["openapi"]) == (200, "application/json", "3.0.3")
    assert [*OpenAPIV30SpecValidator(document).iter_errors()] == []
    assert {path.split("/")[3] for path in document["paths"]} == {
        "", "apply", "audit", "connections", "export", "groups", "jobs", "log", "notifications", "oauth_clients", "resources",
        "runs", "server", "users", "executeJob", "cancelJob", "getJobStatus", "getJobLog",
    }  # fmt: skip


def test_operations_have_ids_of_their_own(operator: Caller) -> None:
    document = json.loads(operator("GET", "/schema/").content)
    found = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]

    assert len(found) == len(set(found)) > 30


@pytest.mark.parametrize("path", ["/docs/", "/docs"])
def test_page_names_no_other_host(operator: Caller, path: str) -> None:
    answer = operator("GET", path)

    assert (answer.status_code, b"://" in answer.content, b"<script>" in answer.content) == (200, False, False)


@pytest.mark.parametrize("path", ["/docs/", "/schema/", "/", "", "/nowhere/", "/no%0Awhere/"])
def test_nothing_is_told_without_an_authtoken(nobody: Caller, path: str) -> None:
    answer = nobody("GET", path)

    assert (answer.status_code, answer["WWW-Authenticate"].split()[0]) == (401, "Basic")
