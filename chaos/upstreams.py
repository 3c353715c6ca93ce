"""S20, S21, R7: values stay values in what a service is asked, and a service's bad days end in time, in a named error or in all rows."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl

from chaos.promises import promise, require
from connections.connectors.http import calls
from connections.connectors.registry import get_connector
from connections.contract.context import Context
from connections.contract.errors import ConnectionFailed, ConnectorError
from connections.contract.scan import Compare, Grade, Scan
from connections.contract.table import TableRef
from tests.connectors.http import test_quoting as quoting
from tests.connectors.http.notes import manifest, open_session
from tests.connectors.http.test_faults import EXPECTED, PLAIN, RECOVERING, read_all, session_of
from tests.connectors.odata.rich_service import METADATA
from tests.connectors.odata.upstream import Upstream as ODataUpstream
from tests.connectors.odata.upstream import page
from tests.fakes.bitbucket import Bitbucket
from tests.fakes.stripe import Stripe
from tests.fakes.upstream import Answer, Upstream
from tests.hostile.payloads import texts

VALUES, SAMPLE = 300, 120
DEADLINE = 10.0
OUTAGE_SECONDS, READERS = 3, 8
MOST_PER_SECOND = 40


def hostile_values() -> list[str]:
    """Return texts that try to be more than a value."""
    return list(dict.fromkeys([*quoting.HOSTILE, *texts(VALUES)]))


@promise("S20")
def values_stay_values() -> str:
    values = hostile_values()
    with Upstream() as upstream:
        for language in quoting.LANGUAGES:
            session = quoting.session_of(upstream, language)
            usually = [quoting.asked(upstream, session, wish) for wish in quoting.wishes("harmless")]
            for number, value in enumerate(values):
                quoting.check(upstream, session, language, value, usually, number % len(usually))
    wrong = {"OData": wrong_at_odata(values), "Bitbucket": wrong_at_bitbucket(values), "Stripe": wrong_at_stripe(values)}
    require(not any(wrong.values()), wrong)
    places = len(quoting.LANGUAGES) + len(wrong)
    found = f"{len(values)} values in {places} query languages and services ({SAMPLE} of them at Bitbucket and Stripe)"
    return f"{found}: 0 changed the upstream query, 0 wrong rows"


def found_by(session: Any, ref: TableRef, column: str, value: str) -> list[str]:
    """Return what a filter leaves of a table, by the service and by who asks it."""
    offer = session.offer(Scan(session.describe([ref])[0], (column,), (Compare(column, "eq", value),)))
    found = [str(row[0]) for batch in session.read(offer) for row in batch.rows]
    return found if offer.grades[0] is Grade.EXACT else [text for text in found if text == value]


def wrong_at_odata(values: list[str]) -> list[str]:
    """Return the values for which the filter that arrived was no comparison with one literal."""
    upstream, wrong = ODataUpstream(METADATA), list[str]()
    upstream.answer = lambda method, path: page([{"Name": "kept"}])
    session = upstream.session()
    try:
        for value in values:
            upstream.asked.clear()
            found = found_by(session, TableRef("", "People"), "Name", value)
            sent = [parse_qsl(path.partition("?")[2]) for _, path, _, _ in upstream.asked if "?" in path]
            asked = [text for pairs in sent for name, text in pairs if name == "$filter"]
            literal = "Name eq '{}'".format(value.replace("'", "''"))
            if len(sent) != 1 or any(text != literal for text in asked) or found != [text for text in ["kept"] if text == value]:
                wrong.append(value)
    finally:
        upstream.close()
    return wrong


def wrong_at_bitbucket(values: list[str]) -> list[str]:
    """Return the values that found an issue of another title, or none of theirs."""
    with Bitbucket() as fake:
        signed = {"AuthScheme": "Basic", "User": "aoi@example.com", "APIToken": "api-token-1", "Workspace": "acme"}
        session = opened("bitbucket", {**signed, "URL": f"{fake.url}/2.0"}, fake.address)
        return wrong_rows(session, TableRef("shop", "Issues"), "Title", values)


def wrong_at_stripe(values: list[str]) -> list[str]:
    """Return the values that found a customer of another e-mail address, or none of theirs."""
    with Stripe() as fake:
        session = opened("stripe", {"LiveAPIKey": "sk_live_abc123", "URL": fake.url}, fake.address)
        return wrong_rows(session, TableRef("Stripe", "Customers"), "Email", values)


def opened(connector: str, values: dict[str, Any], address: str) -> Any:
    """Return a session of a connector."""
    found = get_connector(connector)
    return found.open(found.clean({**values, "Timeout": 10}), context=Context(outgoing=(address,)))


def wrong_rows(session: Any, ref: TableRef, column: str, values: list[str]) -> list[str]:
    """Return the values with other rows than those that hold them; texts of the table are asked for too."""
    table = session.describe([ref])[0]
    everything = [row[0] for batch in session.read(session.offer(Scan(table, (column,)))) for row in batch.rows]
    held = sorted({text for text in everything if text})[:20]
    require(bool(held), f"{ref.name} has no rows")
    asked = [*random.Random(1).sample(values, SAMPLE), *held]
    return [
        text
        for text in asked
        if sorted(found_by(session, ref, column, text)) != [item for item in sorted(held_in(everything)) if item == text]
    ]


def held_in(everything: list[Any]) -> list[str]:
    """Return the texts of a column."""
    return [str(item) for item in everything if item is not None]


@promise("S21")
def answers_are_distrusted() -> str:
    seconds: dict[str, float] = {}
    with Upstream() as upstream, Upstream() as other, ThreadPoolExecutor(4) as pool:
        for fault, took in zip(sorted(EXPECTED), pool.map(lambda name: ended(upstream, name), sorted(EXPECTED)), strict=True):
            seconds[fault] = took
        elsewhere(upstream, other)
        require(not other.calls, [call.path for call in other.calls])
    require(max(seconds.values()) < DEADLINE, seconds)
    return (
        f"{len(seconds)} modes: each ended in its named error, the slowest after {max(seconds.values()):.1f} s (Timeout 2 s); "
        f"{len(other.calls)} calls and 0 credentials sent to another host"
    )


def ended(upstream: Upstream, fault: str) -> float:
    """Return the seconds until a fault ended in the error that names it."""
    begun = time.monotonic()
    try:
        rows = read_all(session_of(upstream, fault))
    except ConnectorError as error:
        require(isinstance(error, EXPECTED[fault]), f"{fault}: {type(error).__name__}: {error}")
        require("secret-token" not in error.message + error.hint, f"{fault} tells the key")
        return time.monotonic() - begun
    require(False, f"{fault}: {len(rows)} rows, no error")
    return 0.0


def elsewhere(upstream: Upstream, other: Upstream) -> None:
    """Follow a redirect and a next page to another host, which must not be called."""
    upstream.route("/paged", lambda seen: Answer({"values": [{"id": 1}], "next": f"{other.url}/rows"}))
    upstream.route("/moved", lambda seen: Answer(None, 302, {"Location": f"{other.url}/rows"}))
    for path in ("/paged", "/moved"):
        session = open_session(upstream, manifest(PLAIN.replace("/fault/FAULT", path)), URL=upstream.url)
        try:
            read_all(session)
        except ConnectorError:
            continue
        require(False, f"{path} was followed")


class Bad:
    """A service of 40 rows in pages of 10 that is away for a while, in one of several ways."""

    def __init__(self, upstream: Upstream) -> None:
        self.upstream, self.away, self.times = upstream, "", list[float]()
        self.lock = threading.Lock()
        upstream.route("/rows", self.answer)

    def answer(self, seen: Any) -> Answer:
        """Answer with a page, or as a service that is away."""
        with self.lock:
            self.times.append(time.monotonic())
        if self.away:
            return Answer({"message": "away"}, int(self.away.split()[0]), {"Retry-After": "1"} if "after" in self.away else {})
        first = int(seen.params.get("from", "0"))
        rows = [{"id": number, "name": str(number)} for number in range(first, first + 10)]
        more = {"next": f"{self.upstream.url}/rows?from={first + 10}"} if first < 30 else {}
        return Answer({"values": rows, **more})


@promise("R7")
def bad_days_lose_nothing() -> str:
    modes = ("429", "429 after", "500", "502", "503", "503 after", "504")
    rates, wrong = dict[str, float](), list[str]()
    for away in modes:
        rates[away], incomplete = outage(away)
        wrong += incomplete
    with Upstream() as upstream:
        healed = [read_all(session_of(upstream, fault, Timeout=20)) for fault in RECOVERING]
    require(not wrong and all(rows == [(1, "one")] for rows in healed), (wrong, healed))
    most = max(rate for away, rate in rates.items() if away != "500")  # may be about one question: asked once for each request
    require(most <= MOST_PER_SECOND, rates)
    slept = pauses()
    require(len(set(slept)) == len(slept) == 24, f"pauses are alike: {sorted(slept)}")
    return (
        f"{len(modes)} outages of {OUTAGE_SECONDS} s under {READERS} readers who never stop, {len(RECOVERING)} recoveries: 0 rows lost, "
        f"0 twice, 0 partial; at most {most:.1f} requests/s while it is away "
        f"(500: once for each question); {len(slept)} pauses, all different"
    )


def outage(away: str) -> tuple[float, list[str]]:
    """Return requests a second while the service is away, and what was wrong of the rows."""
    with Upstream() as upstream:
        service, ended_at = Bad(upstream), threading.Event()
        session = open_session(upstream, manifest(PLAIN.replace("/fault/FAULT", "/rows")), URL=upstream.url, Timeout=3)
        wrong: list[str] = []
        service.away = away
        readers = [threading.Thread(target=reading, args=(session, ended_at, wrong.append), daemon=True) for _ in range(READERS)]
        for reader in readers:
            reader.start()
        ended_at.wait(OUTAGE_SECONDS)
        times = list(service.times)
        service.away = ""
        ended_at.wait(6)  # what was away is left alone for 5 s
        ended_at.set()
        for reader in readers:
            reader.join(30)
        if sorted(read_all(session)) != [(number, str(number)) for number in range(40)]:
            wrong.append(f"{away}: not all rows afterwards")
    return len(times) / OUTAGE_SECONDS, wrong


def pauses() -> list[float]:
    """Return how long one call waits between its tries, over and over."""
    slept: list[float] = []
    kept, calls.time = calls.time, SimpleNamespace(monotonic=time.monotonic, sleep=slept.append)  # type: ignore[assignment]
    try:
        with Upstream() as upstream:
            for _ in range(8):
                with suppress(ConnectionFailed):
                    read_all(session_of(upstream, "http_503_plain", MaxRetries=3, Timeout=20))
    finally:
        calls.time = kept
    return slept


def reading(session: Any, ended_at: threading.Event, tell: Callable[[str], None]) -> None:
    """Read the table until told to stop; whatever comes is whole, or a named error."""
    while not ended_at.wait(0.05):
        try:
            rows = read_all(session)
        except ConnectorError:
            continue
        if sorted(row[0] for row in rows) != list(range(40)):
            tell(f"{len(rows)} rows")
