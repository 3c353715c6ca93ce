"""The pages of connector packages: what they show, give and keep; who sees them."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest
from django.test import Client

from apiserver.powerplatform.package_properties import REDIRECT
from apiserver.server import options, stamp
from apiserver.server.models import Audit
from users.models import User
from users.oauth import clients
from users.oauth.models import Client as OAuthClient

REGISTERED = {"client_id": "the-maker-client", "scopes": ["read"]}


def person(role: str) -> Client:
    client = Client(headers={"host": "testserver"})
    client.force_login(User.objects.create_user(role, "a long pass phrase", role=role))
    return client


def page_of(name: str = "flow") -> str:
    return f"/console/powerplatform/packages/{User.objects.get(name=name).pk}"


def given(**more: Any) -> dict[str, Any]:
    return {"name": "Sales", "color": "#112233", "auth": "basic", **more}


def test_users_are_listed_with_their_connectors(flow: Client) -> None:
    options.save({"packages": {"flow": {"name": "Field service", "auth": "basic"}}})
    stamp.forget()

    shown = person("operator").get("/console/powerplatform/packages").content.decode()

    assert ("Field service" in shown, "Basic" in shown, "azure-pipelines.yml" in shown) == (True, True, True)


def test_the_page_tells_what_the_platform_would_say(flow: Client) -> None:
    shown = person("operator").get(page_of()).content.decode()

    assert "Nothing to object to" in shown
    assert "of 256" in shown


def test_the_package_is_given_and_the_choices_are_kept(flow: Client) -> None:
    answer = person("operator").post(page_of(), given(resource=["orders"], download="1"))

    assert (answer["Content-Type"], answer["Content-Disposition"]) == ("application/zip", 'attachment; filename="Sales.zip"')
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        definition = json.loads(archive.read("apiDefinition.swagger.json"))
    assert (definition["info"]["title"], "/orders" in definition["paths"], "/notes" in definition["paths"]) == ("Sales", True, False)
    kept = {"name": "Sales", "color": "#112233", "auth": "basic", "resources": ["orders"]}
    assert options.stored()["packages"] == {"flow": kept}
    assert Audit.objects.get(action="connector chosen").detail == {"settings": sorted(kept)}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"name": "Sales API"}, "may not hold the word"),
        ({"color": "#ffffff"}, "may not have the colour"),
        ({"auth": "magic"}, "Select a valid choice"),
        ({"resource": ["unknown"]}, "There is no &#x27;unknown&#x27;"),
    ],
)
def test_what_can_not_be_is_said_at_its_place_and_not_kept(flow: Client, changes: dict[str, Any], told: str) -> None:
    answer = person("operator").post(page_of(), {**given(download="1"), **changes})

    assert (answer.status_code, answer["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert told in answer.content.decode()
    assert "packages" not in options.stored()


def test_a_resource_that_is_gone_can_be_cleared(flow: Client) -> None:
    options.save({"packages": {"flow": {"resources": ["gone", "orders"]}}})
    stamp.forget()
    client = person("admin")

    shown = client.get(page_of()).content.decode()
    answer = client.post(page_of(), given(resource=["orders"], download="1"))

    assert "not seen by this user" in shown
    assert answer["Content-Type"] == "application/zip"


def test_pipelines_are_given(flow: Client) -> None:
    client = person("operator")

    answer = client.get("/console/powerplatform/pipelines/jenkins")

    assert answer["Content-Disposition"] == 'attachment; filename="Jenkinsfile"'
    assert answer.content.startswith(b"// Builds and deploys")
    assert client.get("/console/powerplatform/pipelines/other").status_code == 404


def test_nobody_else_sees_them(flow: Client) -> None:
    page = page_of()

    assert Client(headers={"host": "testserver"}).get(page).status_code == 302
    assert person("query").get(page).status_code == 302


def test_a_registered_client_can_be_chosen_and_an_unknown_one_is_told(flow: Client) -> None:
    known = OAuthClient()
    clients.save_client(known, who="test", name="Maker", client_type="confidential", redirect_uris="https://a.example/back", **REGISTERED)
    browser = person("operator")

    offered = browser.get(page_of()).content.decode()
    elsewhere = browser.post(page_of(), given(auth="oauth", client_id="the-maker-client", check="1")).content.decode()
    clients.save_client(known, who="test", redirect_uris=REDIRECT)
    right = browser.post(page_of(), given(auth="oauth", client_id="the-maker-client", check="1")).content.decode()
    unknown = browser.post(page_of(), given(auth="oauth", client_id="another-client", check="1")).content.decode()

    assert '<option value="the-maker-client">Maker</option>' in offered
    assert ("may not lead back to" in elsewhere, "may not lead back to" in right) == (True, False)
    assert "No active OAuth client" in unknown and "Nothing to object to" in right
