"""bravado-core calls every operation of $oas from the document alone; every answer is what the document says it is."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from bravado_core.operation import Operation

from tests import databases
from tests.odata.bravado_client import Client
from tests.odata.test_document_client import GOODS, PEOPLE
from tests.served import Served, publish
from tests.triggers.receiver import Receiver, receiving

TOKEN = "bravado-authtoken-0123456789abcdef"
EVERY = ["GET", "POST", "PATCH", "DELETE"]
MOMENTS = {"created": "datetime NOT NULL", "updated": "datetime NOT NULL"}
ODD = {"価 格": "numeric(9,3)", "a b": "text", "x/y": "text", "a.b": "integer", "$weird": "text", "#": "text", "1st": "text", "'q": "text"}
RESERVED = dict.fromkeys(("from", "value", "body", "connectionId", "null", "default", "properties", "type", "$ref", "enum"), "text")
TYPES = {
    "flag": "bool",
    "small": "smallint",
    "whole": "integer",
    "big": "bigint",
    "amount": "numeric(12,4) NOT NULL",
    "ratio": "float",
    "short": "varchar(9)",
    "note": "text",
    "mark": "guid",
    "day": "date",
    "hour": "time",
    "moment": "timestamp",
    "local": "datetime NOT NULL",
    "raw": "blob",
}
# Published name -> database, table, columns, constraints.
TABLES: dict[str, tuple[str, str, dict[str, str], tuple[str, ...]]] = {
    "loose": ("postgresql", "loose", {"note": "text", "number": "integer", **MOMENTS}, ()),
    "Größe___Preis_表": ("postgresql", "Größe & Preis 表", {"id": "serial", **ODD, **MOMENTS}, ()),
    "select": ("postgresql", "select", {"order": "integer PRIMARY KEY", **RESERVED, **MOMENTS}, ()),
}
for kind in databases.KINDS:
    TABLES |= {
        f"{kind}_one": (kind, "one", {"id": "serial", "name": "varchar(40) NOT NULL", **MOMENTS}, ()),
        f"{kind}_pair": (kind, "pair", {"a": "integer", "b": "varchar(30)", "note": "text", **MOMENTS}, ("PRIMARY KEY (a, b)",)),
        f"{kind}_types": (kind, "types", {"id": "serial", **TYPES}, ()),
    }
KEYED = [*(name for name in TABLES if name != "loose"), "people", "goods"]
ALL = [*KEYED, "loose"]
NUMBERS = count(100)
TRIGGERS = {"interval_seconds": 1, "sweep_seconds": 5}
WATCHED = [name for name in TABLES if not name.endswith("_types") and name in KEYED]
WEBHOOKS = [
    (name, event) for name in WATCHED for event in ("created", "created or modified", "deleted") if event == "created" or "_one" in name
]


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture(scope="module")
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[Served]:
    folder = Path(tmp_path_factory.mktemp("bravado"))
    made = {kind: databases.make(kind, "bravado", request, folder) for kind in databases.KINDS}
    made["postgresql"].run("CREATE TYPE mood AS ENUM ('sad', 'ok/fine', 'it''s')")
    made["postgresql"].run(f"CREATE TABLE people ({PEOPLE})")
    made["mysql"].run(f"CREATE TABLE goods ({GOODS})")
    for kind, table, columns, constraints in TABLES.values():
        made[kind].create(table, columns, *constraints)
    made["postgresql"].run("INSERT INTO loose VALUES ('a', 1, now(), now()), (NULL, NULL, now(), now())")
    made["postgresql"].run(
        "INSERT INTO people (code, name, feeling) SELECT gen_random_uuid(), 'n' || n, 'sad' FROM generate_series(1, 9) n"
    )
    resources = {name: {"connection": kind, "table": table} for name, (kind, table, _, _) in TABLES.items()}
    resources |= {"people": {"connection": "postgresql", "table": "people"}, "goods": {"connection": "mysql", "table": "goods"}}
    told = {
        "server": {
            "allow_authtoken_in_url": True,
            "page_size": 5,
            "triggers": TRIGGERS,
            "outgoing": {"allow": [f"127.0.0.1:{receiver.port}"]},
        },
        "connections": {kind: database.connection for kind, database in made.items()},
        "resources": resources,
        "users": {"maker": {"role": "query", "privileges": EVERY, "authtoken": TOKEN}},
    }
    running = publish(told, folder / "data")
    yield running
    running.dismiss()


@pytest.fixture(scope="module")
def client(served: Served) -> Client:
    return Client(f"{served.base}/api.rsc/@{TOKEN}/$oas")


def key_of(one: Operation, row: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of a path out of a row."""
    return {name: row[name] for name, item in one.params.items() if item.location == "path"}


def until(ask: Any, seconds: float = 30) -> Any:
    """Ask until there is something."""
    ends = monotonic() + seconds
    while not (found := ask()):
        assert monotonic() < ends, "nothing came"
        sleep(0.1)
    return found


def made_now(client: Client, name: str) -> dict[str, Any]:
    """Create a row of this moment under a key of its own; return it."""
    create = client.named(f"Create in {name}")
    moment, number = datetime.now(UTC).replace(microsecond=0), next(NUMBERS)
    sent = {name: value for name, value in client.body(create).items() if name != "id"}
    sent |= {"created": moment, "updated": moment} | {part: number for part in ("a", "order") if part in sent}
    answer = client.call(create, body=sent)
    assert answer.status == 201, answer.body
    found: dict[str, Any] = answer.value
    return found


def test_every_operation_is_built_from_the_document_alone(client: Client) -> None:
    told = {item["operationId"] for path in client.document["paths"].values() for verb, item in path.items() if not verb.startswith("x-")}

    assert client.operations.keys() == told
    assert client.spec.api_url == f"http://{client.document['host']}{client.document['basePath']}"
    assert {name for name in ALL if any(item.op_spec["summary"] == f"Return {name}" for item in client.operations.values())} == set(ALL)


@pytest.mark.parametrize("name", ALL)
def test_lists_fit_under_every_option(client: Client, name: str) -> None:
    find = client.named(f"Return {name}")
    columns = [item for item in client.spec.deref(row_schema(client, find))["properties"] if "@" not in item]
    example = re.search(r"such as (.+?)\. The columns", find.params["$filter"].description)

    answers = [
        client.call(find),
        client.call(find, **{"$count": True, "$top": 3}),
        client.call(find, **{"$select": columns[0], "$orderby": f"{columns[0]} desc", "$skip": 1}),
        client.call(find, **{"$filter": example[1]}) if example else client.call(find),
        *(client.call(find, **{option: "a"}) for option in ("$search",) if option in find.params),
    ]

    assert [item.status for item in answers] == [200] * len(answers)
    assert answers[1].value["@odata.count"] >= len(answers[1].value["value"])
    refused = client.call(find, **{"$filter": "NoSuchColumn eq 1"})
    assert (refused.status, list(refused.body)) == (400, ["error"])


def row_schema(client: Client, find: Operation) -> Any:
    """Return the schema of the rows of a list."""
    return client.spec.deref(client.spec.deref(find.op_spec["responses"]["200"]["schema"])["properties"]["value"])["items"]


@pytest.mark.parametrize("name", KEYED)
def test_rows_are_created_read_updated_and_deleted(client: Client, name: str) -> None:
    create, one, update, delete = (
        client.named(f"{verb} {name}") for verb in ("Create in", "Return one of", "Update one of", "Delete one of")
    )
    sent = client.body(create)
    sent |= {part: "x/y'z 表%&?#+" for part in one.params if part == "b"}

    made = client.call(create, body=sent)
    assert made.status == 201, made.body
    assert same_bytes(made.value, sent) == sent
    key = key_of(one, made.value)
    read = client.call(one, **key)
    assert (read.status, same_bytes(read.value, sent)) == (200, sent)
    changed = client.call(update, body=client.body(update), **key)
    assert changed.status in (200, 204), changed.body
    nulls = {item: None for item, schema in update_properties(client, update).items() if schema.get("x-nullable")}
    if nulls:
        emptied = client.call(update, body=nulls, **key)
        assert emptied.status in (200, 204), emptied.body
        assert {item: client.call(one, **key).value[item] for item in nulls} == nulls
    assert client.call(delete, **key).status == 204
    assert client.call(one, **key).status == 404
    assert client.call(delete, **key).status == 404


def same_bytes(row: dict[str, Any], sent: dict[str, Any]) -> dict[str, Any]:
    """Return of a row what was sent; bytes are sent as base64 and come back as base64url."""
    return {name: urlsafe_b64decode(row[name]) if isinstance(value, bytes) else row[name] for name, value in sent.items()}


def update_properties(client: Client, update: Operation) -> dict[str, Any]:
    found: dict[str, Any] = client.spec.deref(update.params["body"].param_spec["schema"])["properties"]
    return found


def test_expanded_rows_fit_where_there_is_none_too(client: Client) -> None:
    find = client.named("Return people")

    answer = client.call(find, **{"$expand": "lead,people_2", "$top": 3})

    assert answer.status == 200, answer.body
    assert [row["lead"] for row in answer.value["value"]] == [None] * 3


def test_a_read_that_comes_later_fits_the_schema_of_one_at_once(client: Client) -> None:
    find = client.named("Return people")

    first = client.call(find, Prefer="respond-async", **{"$top": 2})
    assert (first.status, first.headers["retry-after"].isdigit()) == (202, True)
    last = until(lambda: (found := client.follow(find, first.headers["location"])).status != 202 and found)

    assert (last.status, len(last.value["value"])) == (200, 2)


@pytest.mark.parametrize("event", ["created", "created or modified"])
@pytest.mark.parametrize("name", WATCHED)
def test_polling_triggers_tell_new_rows_as_described(client: Client, name: str, event: str) -> None:
    poll = client.named(f"When a row of {name} is {event}")

    first = client.call(poll)
    assert (first.status, first.body) == (202, None)
    state = parse_qs(urlsplit(first.headers["location"]).query)["triggerState"][0]
    assert client.call(poll, triggerState=state).status in (200, 202)
    row = made_now(client, name)
    told = until(lambda: (found := client.call(poll, triggerState=state)).status == 200 and found)
    assert {name: value for name, value in row.items() if name != "@odata.context"} in told.value
    assert client.follow(poll, told.headers["location"]).status == 202


@pytest.mark.parametrize(("name", "event"), WEBHOOKS)
def test_webhooks_are_subscribed_told_and_ended_as_described(client: Client, receiver: Receiver, name: str, event: str) -> None:
    start = client.named(f"When a row of {name} is {event}, told at once")
    stop = client.named(f"Stop telling when a row of {name} is {event}")
    content = client.document["paths"][start.path_name]["x-ms-notification-content"]["schema"]
    path = f"/{start.operation_id}"

    old = made_now(client, name)
    subscribed = client.call(start, body={"callbackUrl": receiver.url(path)})
    assert subscribed.status == 201, subscribed.body
    location = subscribed.headers["location"]
    if event == "deleted":
        one, delete = client.named(f"Return one of {name}"), client.named(f"Delete one of {name}")
        assert client.call(delete, **key_of(one, old)).status == 204
    else:
        made_now(client, name)
    call = until(lambda: next((item for item in receiver.calls if item.path == path), None), 60)

    client.check(content, json.loads(call.body))
    ended = client.call(stop, subscription=location.rpartition("/")[2])
    assert (ended.status, location.startswith(client.spec.api_url)) == (204, True)
    assert client.call(stop, subscription=location.rpartition("/")[2]).status == 404
