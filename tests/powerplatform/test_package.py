"""The connector package: its files, what each choice changes of them, what is refused, what is kept."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from django.utils import timezone
from PIL import Image

from apiserver.powerplatform.package import Package, build
from apiserver.powerplatform.package_icon import icon, initials
from apiserver.resources.services import catalog_for
from apiserver.server import configuration, options, stamp
from apiserver.server.configuration_protocol import ConfigurationError
from apiserver.server.models import Audit
from apiserver.server.package_choices import Choices
from tests.powerplatform.conftest import TOKEN
from users.models import User
from users.principal import principal_of

ROOT = "https://api.example.com/api.rsc"
FILES = ["apiDefinition.swagger.json", "apiProperties.json", "icon.png", "settings.json"]


def package(root: str = ROOT, **choices: Any) -> Package:
    return build(catalog_for(principal_of(User.objects.get(name="flow"))), root, Choices(**choices))


def read(found: Package, name: str) -> Any:
    return json.loads(found.files[name])


def unzipped(body: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_files_are_ascii_in_order_and_the_same_every_time(flow: Client) -> None:
    one, other = package(name="売上 データ"), package(name="売上 データ")

    assert sorted(one.files) == FILES
    assert one.zipped() == other.zipped()
    for name in FILES[:2] + FILES[3:]:
        text = one.files[name].decode("ascii")
        assert text == json.dumps(json.loads(text), sort_keys=True, indent=2) + "\n"


def test_the_definition_is_the_users_oas_without_a_token(flow: Client) -> None:
    flow.get(f"/api.rsc/@{TOKEN}/$oas")
    oas = flow.get("/api.rsc/$oas").json()

    found = read(package(), "apiDefinition.swagger.json")

    assert {name: found[name] for name in ("paths", "definitions", "host", "basePath", "schemes")} == {
        name: oas[name] for name in ("paths", "definitions", "host", "basePath", "schemes")
    }
    assert "@" not in found["basePath"]


@pytest.mark.parametrize(
    ("auth", "scheme", "parameters"),
    [
        ("api-key", "apiKey", {"api_key": "securestring"}),
        ("basic", "basic", {"username": "string", "password": "securestring"}),
        ("oauth", "oauth2", {"token": "oauthSetting"}),
        ("aad", "oauth2", {"token": "oauthSetting"}),
        ("none", None, {}),
    ],
)
def test_each_sign_in_has_one_security_definition_and_its_parameters(
    flow: Client, auth: str, scheme: str | None, parameters: dict[str, str]
) -> None:
    found = package(auth=auth)

    definition, properties = read(found, FILES[0]), read(found, FILES[1])["properties"]
    kinds = {name: item["type"] for name, item in properties["connectionParameters"].items()}
    assert [item["type"] for item in definition.get("securityDefinitions", {}).values()] == ([scheme] if scheme else [])
    assert kinds == {"serverUrl": "string", **parameters}


def test_oauth_leads_to_this_server_with_scopes_of_the_verbs(flow: Client) -> None:
    found = package(auth="oauth", client_id="abc")

    settings = read(found, FILES[1])["properties"]["connectionParameters"]["token"]["oAuthSettings"]
    scheme = read(found, FILES[0])["securityDefinitions"]["oauth2_auth"]
    assert settings["scopes"] == ["create", "delete", "read", "update"] == list(scheme["scopes"])  # delete: of subscriptions
    assert settings["customParameters"] == {
        "authorizationUrl": {"value": "https://api.example.com/oauth/authorize"},
        "tokenUrl": {"value": "https://api.example.com/oauth/token"},
        "refreshUrl": {"value": "https://api.example.com/oauth/token"},
    }
    assert (settings["identityProvider"], settings["clientId"]) == ("oauth2", "abc")


def test_aad_asks_for_a_token_of_the_directory_and_resource(flow: Client) -> None:
    found = package(auth="aad", client_id="abc", tenant="contoso", resource_uri="api://sales")

    settings = read(found, FILES[1])["properties"]["connectionParameters"]["token"]["oAuthSettings"]
    assert settings["identityProvider"] == "aad"
    assert {name: item["value"] for name, item in settings["customParameters"].items()} == {
        "loginUri": "https://login.microsoftonline.com",
        "tenantId": "contoso",
        "resourceUri": "api://sales",
    }


def policies(found: Package) -> dict[str, Any]:
    return {item["templateId"]: item["parameters"] for item in read(found, FILES[1])["properties"]["policyTemplateInstances"]}


def test_one_package_serves_every_installation_and_pages_pass_through_the_connection(flow: Client) -> None:
    found = package(root="https://host.example.com/prefix/api.rsc")

    paths = read(found, FILES[0])["paths"]
    listed = sorted(item["get"]["operationId"] for path, item in paths.items() if path in ("/customers", "/orders", "/notes"))
    assert policies(found) == {
        "dynamichosturl": {"x-ms-apimTemplateParameter.urlTemplate": "@connectionParameters('serverUrl')/api.rsc"},
        "updatenextlink": {
            "x-ms-apimTemplateParameter.nextLinkPropertyName": "@odata.nextLink",
            "x-ms-apimTemplate-operationName": listed,
        },
    }
    parameters = read(found, FILES[1])["properties"]["connectionParameters"]
    assert parameters["serverUrl"]["defaultValue"] == "https://host.example.com/prefix"


def test_a_gateway_takes_the_place_of_the_servers_address(flow: Client) -> None:
    found = package(root="http://sales.local:8153/api.rsc", gateway=True)

    properties = read(found, FILES[1])["properties"]
    assert properties["capabilities"] == ["gateway"]
    assert [*properties["connectionParameters"]] == ["api_key", "gateway"]
    assert [*policies(found)] == ["updatenextlink"]
    assert read(found, FILES[0])["schemes"] == ["http"]
    assert found.findings == []


def test_selections_narrow_the_definition(flow: Client) -> None:
    by_resource, by_connection = package(resources=("orders",)), package(connection="desk")

    rooms = [{path.split("(")[0] for path in read(found, FILES[0])["paths"] if "$" not in path} for found in (by_resource, by_connection)]
    assert rooms == [{"/orders"}, {"/notes"}]


def test_certification_adds_texts_and_who_publishes(flow: Client) -> None:
    found = package(certification=True, publisher="Contoso")

    properties = read(found, FILES[1])["properties"]
    assert sorted(found.files) == [*FILES[:3], "intro.md", "readme.md", "settings.json"]
    assert (properties["publisher"], properties["stackOwner"]) == ("Contoso", "Contoso")
    assert "### Return orders" in found.files["readme.md"].decode()
    assert ["publisher" in read(package(), FILES[1])["properties"]] == [False]


@pytest.mark.parametrize(("name", "letters"), [("Sales data", "SD"), ("sales", "S"), ("1st of all", "1O"), ("売上", "")])
def test_the_icon_shows_initials_on_the_colour(name: str, letters: str) -> None:
    with Image.open(io.BytesIO(icon(name, "#0a5c8a"))) as found:
        assert (found.format, found.mode, found.size, found.getpixel((0, 0))) == ("PNG", "RGB", (200, 200), (10, 92, 138))
        assert len(found.getcolors(40_000) or []) > 1
    assert initials(name) == letters


def test_findings_tell_what_the_platform_would_object_to(flow: Client) -> None:
    private = package(root="http://10.1.2.3/api.rsc", auth="oauth")

    assert [item.text.split(" ")[0] for item in private.findings] == ["Power", "10.1.2.3", "OAuth"]
    assert package().findings == []


def test_a_connector_without_operations_is_refused(flow: Client) -> None:
    User.objects.filter(name="flow").update(resources={})

    assert [item.is_error for item in package().findings] == [True]


# ---- kept choices, the command ----


def run(tmp_path: Any, *arguments: str) -> dict[str, bytes]:
    file = tmp_path / "made.zip"
    call_command("powerplatform", "package", "--user", "flow", "--output", str(file), *arguments)
    return unzipped(file.read_bytes())


def test_the_name_is_asked_once_and_kept(flow: Client, tmp_path: Any) -> None:
    run(tmp_path, "--name", "Field service", "--color", "#112233", "--auth", "basic")

    again = run(tmp_path)

    assert json.loads(again[FILES[0]])["info"]["title"] == "Field service"
    assert options.stored()["packages"] == {"flow": {"name": "Field service", "color": "#112233", "auth": "basic"}}
    assert Audit.objects.filter(action="connector chosen").count() == 1


def test_the_title_is_kept_as_the_connectors_name(flow: Client, tmp_path: Any) -> None:
    run(tmp_path)
    options.save({"api": {"title": "Renamed"}})
    stamp.forget()

    assert json.loads(run(tmp_path)[FILES[0]])["info"]["title"] == "Sales data"


def test_a_folder_holds_the_same_files(flow: Client, tmp_path: Any) -> None:
    zipped = run(tmp_path)

    call_command("powerplatform", "package", "--user", "flow", "--output", str(tmp_path / "folder"))

    assert {path.name: path.read_bytes() for path in (tmp_path / "folder").iterdir()} == zipped


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--user", "flo"], "There is no user 'flo'; the nearest is flow."),
        (["--user", "flow", "--name", "Sales API"], "may not hold the word 'API'"),
        (["--user", "flow", "--name", "n" * 31], "30 characters at most"),
        (["--user", "flow", "--name", "For Power Automate"], "may not name the product 'power automate'"),
        (["--user", "flow", "--color", "#007ee5"], "may not have the colour"),
        (["--user", "flow", "--color", "blue"], "is no colour"),
        (["--user", "flow", "--resources", "order"], "There is no 'order'"),
        (["--user", "flow", "--public-url", "ftp://x"], "can't be used"),
    ],
)
def test_what_can_not_be_is_refused_and_nothing_is_kept(flow: Client, tmp_path: Any, arguments: list[str], told: str) -> None:
    file = tmp_path / "made.zip"

    with pytest.raises(CommandError) as error:
        call_command("powerplatform", "package", *arguments, "--output", str(file))

    assert told in str(error.value)
    assert (file.exists(), options.stored().get("packages")) == (False, None)


def test_a_package_that_would_be_refused_exits_1(flow: Client, tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    User.objects.filter(name="flow").update(resources={})

    with pytest.raises(SystemExit) as ended:
        run(tmp_path, "--json")

    assert ended.value.code == 1
    assert json.loads(capsys.readouterr().out)["findings"][0]["level"] == "error"


def test_choices_are_part_of_the_configuration(flow: Client) -> None:
    data = {"server": {"packages": {"flow": {"name": "Sales", "gateway": True, "resources": ["orders"]}}}}

    configuration.apply(data, now=timezone.now(), prune=False)
    configuration.apply({"server": {"packages": {"other": {"auth": "basic"}}}}, now=timezone.now(), prune=False)

    assert options.stored()["packages"] == {**data["server"]["packages"], "other": {"auth": "basic"}}
    with pytest.raises(ConfigurationError, match=r"server\.packages\.flow\.auth: there is no 'oaut'"):
        configuration.apply({"server": {"packages": {"flow": {"auth": "oaut"}}}}, now=timezone.now(), prune=False)


# ---- $connector ----


def test_connector_answers_the_zip_and_its_files(flow: Client) -> None:
    zipped = flow.get("/api.rsc/$connector")
    files = unzipped(zipped.content)

    assert (zipped.status_code, zipped["Content-Type"], zipped["Content-Disposition"]) == (
        200,
        "application/zip",
        'attachment; filename="Sales-data.zip"',
    )
    for name in FILES:
        assert flow.get(f"/api.rsc/$connector/{name}").content == files[name]
    assert flow.get("/api.rsc/$connector", headers={"if-none-match": zipped["ETag"]}).status_code == 304


def test_a_token_in_the_path_is_enough_and_goes_nowhere(flow: Client) -> None:
    answer = Client(headers={"host": "testserver"}).get(f"/api.rsc/@{TOKEN}/$connector/apiDefinition.swagger.json?auth=basic")

    assert answer.status_code == 200
    assert (TOKEN in answer.content.decode(), answer.json()["basePath"]) == (False, "/api.rsc")
    assert [*answer.json()["securityDefinitions"]] == ["basic"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("get", "$connector?auth=magic", 400),
        ("get", "$connector?name=My%20API", 400),
        ("get", "$connector?gateway=maybe", 400),
        ("get", "$connector?$top=1", 400),
        ("get", "$connector?resources=unknown", 404),
        ("get", "$connector/secrets.json", 404),
        ("get", "$connector/a/b", 404),
        ("post", "$connector", 405),
    ],
)
def test_connector_refuses_what_means_nothing(flow: Client, method: str, path: str, status: int) -> None:
    answer = getattr(flow, method)(f"/api.rsc/{path}")

    assert answer.status_code == status
    assert {"code", "message"} <= set(answer.json()["error"])


def test_connector_needs_a_token(flow: Client) -> None:
    assert Client(headers={"host": "testserver"}).get("/api.rsc/$connector").status_code == 401
