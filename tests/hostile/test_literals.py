"""Literals are data: every odd text finds exactly the rows that the filter means, and is stored and read back unchanged."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping

import pytest

from tests.answers import Answer
from tests.databases import KINDS, Database
from tests.hostile import stage
from tests.hostile.conftest import TOKENS, Logs
from tests.hostile.payloads import UNSTORABLE, encoded, literal, texts
from tests.hostile.sending import Transport, examine, signed
from tests.hostile.wire import Sent, Wires

JSON = (("Content-Type", "application/json"),)
# A filter -> which stored texts it means.
MEANINGS: dict[str, Callable[[str, str], bool]] = {
    "body eq {0}": lambda stored, asked: stored == asked,
    "contains(body,{0})": lambda stored, asked: asked in stored,
    "startswith(body,{0})": lambda stored, asked: stored.startswith(asked),
    "endswith(body,{0})": lambda stored, asked: stored.endswith(asked),
    "body in ({0},'no such text')": lambda stored, asked: stored == asked,
    "body ne {0}": lambda stored, asked: stored != asked,
    "indexof(body,{0}) ge 0": lambda stored, asked: asked in stored,
    "concat(body,'x') eq concat({0},'x')": lambda stored, asked: stored == asked,
}


def meant(asked: list[str]) -> Iterator[tuple[str, str, list[int]]]:
    """Give each filter of each text, percent-encoded, with the rows that it means."""
    for number, text in enumerate(asked):
        for step in (0, 1, 2, 3 + number % 5):
            test, holds = list(MEANINGS.items())[step]
            rows = [id for id, stored in enumerate(stage.TEXTS, 1) if holds(stored, text)]
            yield text, test.replace(" ", "%20").format(literal(text)), rows


def wrong_filters(transport: Transport, kind: str, asked: list[str], token: str = TOKENS["lead"]) -> list[str]:
    """Send every filter; return those that answer other rows than they mean."""
    expected = list(meant(asked))
    requests = [
        Sent(f"/api.rsc/texts_{kind}?$select=id&$filter={test}".encode(), headers=(("Prefer", "maxpagesize=1000"),))
        for _, test, _ in expected
    ]
    wrong = []
    for (text, test, rows), (_, answer) in zip(expected, transport.exchange_all(signed(requests, token)), strict=True):
        found = [row["id"] for row in answer.json["value"]] if answer.status == 200 else answer.body[:200]
        if found != rows and answer.status != 414:
            wrong.append(f"{test.partition('(')[0][:20]} {text!r}: {found!r} instead of {rows}")
    return wrong


def wrong_keys(transport: Transport, kind: str, asked: list[str], stored: list[str]) -> list[str]:
    """Read by key; return the texts that find another row, or none where there is one."""
    requests = [Sent(f"/api.rsc/labels_{kind}({literal(text)})".encode()) for text in asked]
    wrong = []
    for text, (_, answer) in zip(asked, transport.exchange_all(signed(requests, TOKENS["lead"])), strict=True):
        found = answer.json["code"] if answer.status == 200 else None
        if (text in stored) != (found == text) or answer.status not in (200, 400, 404):
            wrong.append(f"{text!r}: {answer.status} {found!r}")
    return wrong


def wrong_trips(transport: Transport, kind: str, asked: list[str], token: str = TOKENS["lead"]) -> list[str]:
    """Store by POST, read, change by PATCH, read again; return what came back changed."""
    rows = {1000 + number: text for number, text in enumerate(asked)}
    first = [write("POST", f"texts_{kind}", {"id": id, "body": text}) for id, text in rows.items()]
    second = [write("PATCH", f"texts_{kind}({id})", {"body": text[::-1] + "|"}) for id, text in rows.items()]
    third = [write("PUT", f"texts_{kind}({id})/body/$value", text.encode()) for id, text in rows.items()]
    wrong: list[str] = []
    for requests, change in ((first, str), (second, lambda text: text[::-1] + "|"), (third, str)):
        wrong += [
            f"{sent.method} {sent.target!r}: {answer.status} {answer.body[:150]!r}"
            for sent, answer in sending(transport, requests, token)
            if answer.status >= 300
        ]
        reads = [Sent(f"/api.rsc/texts_{kind}({id})".encode()) for id in rows]
        for text, (_, answer) in zip(rows.values(), sending(transport, reads, token), strict=True):
            if answer.status != 200 or answer.json["body"] != change(text):
                wrong.append(f"{text!r} came back from {requests[0].method} as {answer.body[:200]!r}")
    sending(transport, [Sent(f"/api.rsc/texts_{kind}({id})".encode(), "DELETE") for id in rows], token)
    return wrong


def sending(transport: Transport, requests: list[Sent], token: str) -> list[tuple[Sent, Answer]]:
    """Send all as the user of the tests."""
    return list(transport.exchange_all(signed(requests, token)))


def write(method: str, path: str, body: object) -> Sent:
    """Return a write; bytes go as text."""
    if isinstance(body, bytes):
        return Sent(f"/api.rsc/{path}".encode(), method, (("Content-Type", "text/plain"),), body)
    return Sent(f"/api.rsc/{path}".encode(), method, JSON, json.dumps(body).encode())


@pytest.mark.parametrize("kind", KINDS)
def test_filters_find_the_rows_that_they_mean(wires: Wires, stages: Mapping[str, Database], logs: Logs, kind: str) -> None:
    asked = texts(300)

    assert wrong_filters(wires, kind, asked) == []
    verdict = logs.verdict(kind)
    assert verdict.offenders == []
    print(f"{kind}: {len(list(meant(asked)))} literals, 0 wrong rows, {verdict.statements} statements logged")


@pytest.mark.parametrize("kind", KINDS)
def test_keys_find_their_row(wires: Wires, stages: Mapping[str, Database], kind: str) -> None:
    asked = [text for text in texts(300) if text and len(text) <= 190]

    assert wrong_keys(wires, kind, asked, stage.stored_keys(stages[kind])) == []


@pytest.mark.parametrize("kind", KINDS)
def test_texts_come_back_as_they_were_stored(wires: Wires, stages: Mapping[str, Database], logs: Logs, kind: str) -> None:
    long = [
        "x" * 5000,
        "'" * 5000,
        "%" * 5000,
        "\\" * 5000,
        "😀" * 5000,
        "葵" * 5000,
        "\n" * 5000,
        "\\'" * 2500,
        "a\r\nb" * 1000,
        '"' * 5000,
    ]

    asked = [*texts(200), *long]

    assert wrong_trips(wires, kind, asked) == []
    assert stages[kind].run("SELECT count(*) FROM texts WHERE id >= 1000") == [(0,)]
    assert logs.verdict(kind).offenders == []
    print(f"{kind}: {len(asked)} texts stored, changed and read back")


@pytest.mark.parametrize("kind", KINDS)
def test_what_no_database_stores_is_refused_everywhere(wires: Wires, kind: str) -> None:
    requests = []
    for text in UNSTORABLE:
        requests += [
            Sent(f"/api.rsc/texts_{kind}?$filter=body%20eq%20{literal(text)}".encode()),
            Sent(f"/api.rsc/labels_{kind}({literal(text)})".encode()),
        ]
        requests += [
            Sent(f"/api.rsc/texts_{kind}?$search={encoded(text)}".encode()),
            write("POST", f"texts_{kind}", {"id": 999, "body": text}),
        ]
        requests.append(write("PATCH", f"texts_{kind}(1)", {"body": text}))

    report = examine(wires, signed(requests, TOKENS["lead"]))

    assert report.faults == [], str(report)
    assert dict(report.statuses) == {400: len(requests)}
