"""Which tables a document gives: names, keys, parents, single rows, writes, sign-in."""

from __future__ import annotations

from typing import Any

import pytest

from connections.connectors.openapi.names import plural, singular, split_by
from connections.connectors.openapi.reading import DocumentError
from tests.connectors.openapi.documents import ROW, TEXT, WHOLE, answers, array, derived, get, query, table, tables, thing

COMMENT = thing(id=WHOLE, text=TEXT)


def body(schema: Any, kind: str = "application/json") -> dict[str, Any]:
    return {"requestBody": {"content": {kind: {"schema": schema}}}, "responses": answers(schema)}


def names(*paths: str) -> list[str]:
    return list(tables({path: get(array(ROW)) for path in paths}))


def test_the_nearest_to_the_root_keeps_the_plain_name() -> None:
    assert names("/comments", "/issues/{id}/comments", "/pulls/{id}/comments") == ["Comments", "IssueComments", "PullComments"]


def test_equals_all_get_what_they_belong_to() -> None:
    assert names("/issues/{id}/comments", "/pulls/{id}/comments") == ["IssueComments", "PullComments"]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/api/v1/user_groups", "UserGroups"),
        ("/v2.1/line-items.json", "LineItems"),
        ("/users.list", "Users"),
        ("/listAccounts", "Accounts"),
        ("/pet/findByStatus", "Pets"),
        ("/checkout/sessions", "CheckoutSessions"),
        ("/users/search", "Users"),
    ],
)
def test_name_of_a_path(path: str, name: str) -> None:
    assert names(path) == [name]


def test_a_search_beside_the_list_is_called_so() -> None:
    assert names("/charges", "/charges/search") == ["Charges", "ChargesSearch"]


def test_joined_words_are_split_as_the_summary_spells_them() -> None:
    assert list(tables({"/pullrequests": get(array(ROW), summary="List all pull requests")})) == ["PullRequests"]
    assert split_by("customers", "a customer's cards") == ("customers",)


@pytest.mark.parametrize(
    ("many", "one"),
    [
        ("issues", "issue"),
        ("categories", "category"),
        ("addresses", "address"),
        ("statuses", "status"),
        ("boxes", "box"),
        ("people", "person"),
    ],
)
def test_numbers_of_words(many: str, one: str) -> None:
    assert (singular(many), plural(one), plural(many)) == (one, many, many)


@pytest.mark.parametrize(
    ("item", "row", "key"),
    [
        ("/pets/{petId}", ROW, "Id"),
        ("/pets/{pet}", ROW, "Id"),
        ("/pets/{pet_slug}", thing(slug=TEXT, name=TEXT), "Slug"),
        ("/pets/{name}", thing(name=TEXT, color=TEXT), "Name"),
        ("/pets/{code}", thing(code=TEXT, id=WHOLE), "Code"),
    ],
)
def test_key_is_what_the_address_of_one_row_names(item: str, row: Any, key: str) -> None:
    found = table({"/pets": get(array(row)), item: get(row)})

    assert found["key"] == [key]
    assert found["read"][1] == {"path": f"/pets/{{{key}}}", "single": True}


def test_an_address_by_something_else_than_the_key_is_not_used() -> None:
    row = thing(uuid=TEXT, title=TEXT)

    found = tables({"/repos": get(array(row)), "/repos/{repo_slug}": get(row)})["Repos"]

    assert found["key"] == ["UUID"]
    assert len(found["read"]) == 1


def test_a_row_with_its_own_id_and_one_called_like_the_address_is_known_by_its_own() -> None:
    row = thing(id=TEXT, channel_id=TEXT, name=TEXT)

    found = tables({"/channels": get(array(row)), "/channels/{channelId}": get(row)})["Channels"]

    assert found["key"] == ["Id"]
    assert len(found["read"]) == 1


def test_one_row_for_which_parameters_are_demanded_names_them() -> None:
    unit = query("unit", {"type": "string", "default": "s"}, required=True)
    metrics = get(thing(step=WHOLE, title=TEXT, points=array(WHOLE)), query("type", required=True), unit)

    found = tables({"/servers": get(array(ROW)), "/servers/{server_id}/metrics": metrics})["Metrics"]

    assert found["columns"]["Type"] == {"given": True}
    assert (found["read"][0]["params"], found["read"][0]["needs"]) == ({"unit": "s", "type": "{Type}"}, ["Type"])


def test_a_guessed_key_is_told_and_not_used() -> None:
    found = derived({"/pets": get(array(thing(code=TEXT, color=TEXT)))})

    assert "key" not in found.manifest["tables"]["Pets"]
    assert [item.text for item in found.findings["Pets"] if item.about == "key"] == ["none is sure; it may be Code"]


def test_a_child_asks_its_parent() -> None:
    paths = {
        "/repos/{owner}": get(array(thing(slug=TEXT))),
        "/repos/{owner}/{repo_slug}/issues": get(array(ROW)),
        "/repos/{owner}/{repo_slug}/issues/{issue_id}/comments": get(array(COMMENT)),
    }

    found = tables(paths)

    assert found["Issues"]["read"][0]["parent"] == {"table": "Repos", "binds": {"Owner": "Owner", "RepoSlug": "Slug"}}
    assert found["Comments"]["key"] == ["Owner", "RepoSlug", "IssueId", "Id"]
    assert found["Comments"]["read"][0]["parent"] == {
        "table": "Issues",
        "binds": {"Owner": "Owner", "RepoSlug": "RepoSlug", "IssueId": "Id"},
    }


def test_a_parameter_with_a_value_is_no_part_of_the_key() -> None:
    paths = {"/repos/{workspace}": get(array(thing(slug=TEXT))), "/repos/{workspace}/{slug}": get(thing(slug=TEXT))}

    found = table(paths, parameters={"workspace": "acme"})

    assert found["key"] == ["Slug"]
    assert found["columns"]["Workspace"] == {"given": True, "default": "acme"}


def test_id_of_the_parent_is_not_the_id_of_the_row() -> None:
    found = tables({"/users/{id}/posts": get(array(ROW))})["Posts"]

    assert found["key"] == ["UserId", "Id"]
    assert found["read"][0]["path"] == "/users/{UserId}/posts"


def test_writes_are_found() -> None:
    row = {"type": "object", "properties": {"id": {**WHOLE, "readOnly": True}, "name": TEXT, "owner": thing(id=WHOLE)}}
    sent = {"type": "object", "properties": {"name": TEXT, "owner_id": WHOLE, "secret": TEXT}, "required": ["name", "secret"]}
    paths = {
        "/pets": {**get(array(row)), "post": body(sent)},
        "/pets/{id}": {**get(row), "patch": body(sent), "delete": {"responses": {}}},
    }

    found = table(paths)

    assert found["kind"] == "table"
    assert {kind: (change["method"], change["path"]) for kind, change in found["write"].items()} == {
        "insert": ("POST", "/pets"),
        "update": ("PATCH", "/pets/{Id}"),
        "delete": ("DELETE", "/pets/{Id}"),
    }
    assert found["columns"]["Name"] == {"path": ["name"], "write": ["insert", "update"], "required": True}
    assert found["columns"]["OwnerId"]["write_path"] == ["owner_id"]
    assert found["columns"]["Id"]["generated"] is True
    assert found["columns"]["Secret"]["write_path"] == ["secret"]


def test_a_put_is_whole_and_a_form_is_a_form() -> None:
    paths = {
        "/pets": {**get(array(ROW)), "post": body(ROW, "application/x-www-form-urlencoded")},
        "/pets/{id}": {**get(ROW), "put": body(thing(pet=thing(name=TEXT)))},
    }

    found = table(paths)["write"]

    assert found["insert"]["encoding"] == "form"
    assert (found["update"]["whole"], found["update"]["wrap"]) == (True, ["pet"])


def test_a_search_by_post_is_no_insert() -> None:
    assert "write" not in table({"/pets": {**get(array(ROW)), "post": {**body(ROW), "operationId": "searchPets"}}})


def test_an_insert_that_demands_more_than_columns_is_refused_and_told() -> None:
    sent = {"type": "object", "properties": {"name": TEXT, "parts": array(TEXT)}, "required": ["parts"]}

    found = derived({"/pets": {**get(array(ROW)), "post": body(sent)}})

    assert "write" not in found.manifest["tables"]["Pets"]
    assert any("parts" in item.text for item in found.findings["Pets"] if item.about == "writes")


@pytest.mark.parametrize(
    ("scheme", "name", "expected"),
    [
        ({"type": "http", "scheme": "basic"}, "Basic", {"type": "basic", "user": "{User}", "password": "{Password}"}),
        ({"type": "http", "scheme": "bearer"}, "AccessToken", {"type": "bearer", "value": "{AccessToken}"}),
        ({"type": "apiKey", "in": "header", "name": "X-Key"}, "APIKey", {"type": "header", "name": "X-Key", "value": "{ApiKey}"}),
        ({"type": "apiKey", "in": "query", "name": "key"}, "APIKey", {"type": "query", "name": "key", "value": "{ApiKey}"}),
        (
            {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "/token", "scopes": {}}}},
            "OAuthClient",
            {"type": "oauth", "flow": "client"},
        ),
    ],
)
def test_ways_to_sign_in(scheme: Any, name: str, expected: dict[str, Any]) -> None:
    found = derived({"/pets": get(array(ROW))}, components={"securitySchemes": {"one": scheme}})

    assert found.manifest["auth"]["schemes"][name] == expected


@pytest.mark.parametrize(
    ("servers", "parameters", "url"),
    [
        ([{"url": "https://{zone}.example.com", "variables": {"zone": {"default": "eu"}}}], {}, "https://eu.example.com"),
        ([{"url": "https://{zone}.example.com", "variables": {"zone": {"default": "eu"}}}], {"zone": "us"}, "https://us.example.com"),
        ([{"url": "//api.example.com/v1/"}], {}, "https://api.example.com/v1"),
        ([{"url": "/v1"}], {}, ""),
    ],
)
def test_address_of_the_service(servers: Any, parameters: dict[str, str], url: str) -> None:
    found = derived({"/pets": get(array(ROW))}, servers=servers, parameters=parameters)

    assert found.manifest.get("base_url", "") == url


def test_deprecated_twins_give_way() -> None:
    old = get(array(thing(old=TEXT)), deprecated=True)

    assert list(table({"/pets/": old, "/pets": get(array(ROW))})["columns"]) == ["Id", "Name"]


def test_a_document_without_tables_is_refused() -> None:
    with pytest.raises(DocumentError, match="No table"):
        derived({"/ping": {"post": {"responses": {}}}})


def test_header_parameters_with_one_value_are_sent() -> None:
    version = {"name": "X-Version", "in": "header", "required": True, "schema": {"type": "string", "default": "7"}}

    assert table({"/pets": get(array(ROW), version, query("q"))})["read"][0]["headers"] == {"X-Version": "7"}


def test_an_address_by_id_or_slug_is_known_by_its_id() -> None:
    row = thing(slug=TEXT, id=WHOLE, name=TEXT)

    for name in ("league_id_or_slug", "idOrName"):
        assert table({"/leagues": get(array(row)), f"/leagues/{{{name}}}": get(row)})["key"] == ["Id"]


def test_a_record_is_known_by_what_it_calls_itself_where_it_has_an_address() -> None:
    row = thing(entity_id=WHOLE, name=TEXT)

    assert table({"/orders": get(array(row)), "/orders/{id}": get(row)})["key"] == ["EntityId"]
    assert "key" not in table({"/orders": get(array(row))})


def test_older_versions_are_called_by_their_version() -> None:
    found = tables({f"/{version}/pets": get(array(ROW)) for version in ("v1", "v2", "v10")})

    assert {name: entry["read"][0]["path"] for name, entry in found.items()} == {
        "PetsV1": "/v1/pets",
        "PetsV2": "/v2/pets",
        "Pets": "/v10/pets",
    }


def test_of_two_keys_the_one_that_is_demanded_for_all_signs() -> None:
    schemes = {"asked": {"type": "apiKey", "in": "query", "name": "k"}, "sent": {"type": "apiKey", "in": "header", "name": "X-Key"}}
    security: list[Any] = [{"sent": []}, {"asked": []}, "odd", {"none": []}]
    found = derived({"/pets": get(array(ROW))}, components={"securitySchemes": schemes}, security=security)

    assert found.access.schemes["APIKey"]["name"] == "X-Key"
