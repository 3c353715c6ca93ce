"""Schemathesis over the product's own descriptions against the real server: what they promise is what is answered."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from schemathesis import Case, CheckContext, GenerationMode
from schemathesis.checks import load_all_checks
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi import checks

from chaos.promises import promise, require
from tests import databases
from tests.databases import Database
from tests.hostile import stage
from tests.served import Served, publish

TOKENS = {"boss": "boss-token-of-schemathesis-0123456789", "lead": "lead-token-of-schemathesis-0123456789"}
DOCUMENTS = {
    "$oas": ("/api.rsc/$oas", "lead"),
    "$openapi 3.0": ("/api.rsc/$openapi?version=3.0", "lead"),
    "$openapi 3.1": ("/api.rsc/$openapi?version=3.1", "lead"),
    "management": ("/manage/api/schema/", "boss"),
}
APPLY = "/manage/api/apply/"
MANY = 20_000
SHOWN = 12


class Authtoken(requests.auth.AuthBase):
    """Puts the good authtoken in the place of what was made up: who may come in is another suite's question."""

    def __init__(self, token: str) -> None:
        self.token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers.pop("Authorization", None)
        request.headers["x-cdata-authtoken"] = self.token
        return request


def content_type(context: CheckContext, response: Any, case: Case) -> bool | None:
    """Compare the media type with the document; no content has none (Swagger 2.0 names types for a whole document)."""
    return None if response.status_code == 204 else checks.content_type_conformance(context, response, case)


def no_server_error(context: CheckContext, response: Any, case: Case) -> bool | None:
    """Refuse answers from 500 up; 501 says that a part of OData is not built, 502 to 504 that the database behind is away."""
    if response.status_code == 500 or response.status_code > 504:
        raise Failure(operation=case.operation.label, title="Server error", message=f"{response.status_code}: {response.text[:300]}")
    return None


CHECKS: list[Callable[..., Any]] = [
    no_server_error,
    content_type,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.status_code_conformance,
]


@dataclass
class Tally:
    """What a run found."""

    cases: int = 0
    operations: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    failures: dict[str, str] = field(default_factory=dict)

    def note(self, failure: Failure, case: Case, response: Any) -> None:
        """Keep the first of each kind at each operation."""
        key = f"{case.operation.label}: {failure.title} ({response.status_code})"
        self.failures.setdefault(key, f"{failure.message[:400]} | {case.as_curl_command()[:400]} | {response.text[:200]}")

    def __str__(self) -> str:
        lines = [f"{len(self.failures)} failures, {self.cases} cases, {self.operations} operations, {dict(sorted(self.statuses.items()))}"]
        return "\n".join([*lines, *(f"{key}\n    {text}" for key, text in list(self.failures.items())[:SHOWN])])


def configuration(database: Database) -> dict[str, Any]:
    """Publish tables of every type; one user calls the API, the other manages."""
    people = {
        "lead": {"role": "query", "privileges": stage.EVERY, "authtoken": TOKENS["lead"]},
        "boss": {"role": "admin", "privileges": ["GET"], "authtoken": TOKENS["boss"], "requests_per_hour": -1, "concurrent_requests": -1},
    }
    return {"connections": {f"{database.kind}_db": database.connection}, "resources": stage.resources(database.kind), "users": people}


@contextmanager
def server(folder: Path) -> Iterator[Served]:
    """Serve the tables."""
    database = databases.sqlite("schemathesis", None, folder)  # type: ignore[arg-type]
    stage.fill(database)
    served = publish(configuration(database), folder / "data")
    try:
        yield served
    finally:
        served.stop()


def examine(served: Served, name: str, cases: int) -> Tally:
    """Send that many requests, spread over the operations of a document, half of them such as it forbids."""
    load_all_checks()
    path, user = DOCUMENTS[name]
    headers = {"x-cdata-authtoken": TOKENS[user]}
    document = json.loads(served.get(path, headers)[2])
    schema = schemathesis.openapi.from_dict(document)
    base = served.base + schema.base_path.rstrip("/")
    operations = [found.ok() for found in schema.get_all_operations()]
    tally = Tally(operations=len(operations))
    each = max(1, cases // (2 * len(operations)))
    with requests.Session() as session:
        session.auth = Authtoken(TOKENS[user])
        for operation in operations:
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                exercise(operation, mode, each, partial(ask, base=base, session=session, tally=tally))
    return tally


def exercise(operation: Any, mode: GenerationMode, cases: int, send: Callable[[Case], None]) -> None:
    """Generate requests for one operation and send each."""

    @settings(
        max_examples=cases,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def send_one(case: Case) -> None:
        send(case)

    send_one()


def ask(case: Case, *, base: str, session: requests.Session, tally: Tally) -> None:
    """Send one request and hold the answer to the document."""
    if case.path == APPLY:
        case.query = {"dry_run": "true"}  # what is made up may name no user, and pruning by it would delete ours
    response = case.call(base_url=base, session=session)
    tally.cases += 1
    tally.statuses[response.status_code] += 1
    try:
        case.validate_response(response, checks=CHECKS)
    except FailureGroup as group:
        for failure in group.exceptions:
            tally.note(failure, case, response)
    except Failure as failure:
        tally.note(failure, case, response)


@promise("S2-schemathesis")
def documents_are_kept() -> str:
    return run()


def run(cases: int = MANY) -> str:
    """Send many cases for every document; return the figure."""
    tallies = []
    for name in DOCUMENTS:
        with tempfile.TemporaryDirectory(prefix="apiserver-schemathesis-") as folder, server(Path(folder)) as served:
            tallies.append(examine(served, name, cases // len(DOCUMENTS) + 50))
    sent, failures = sum(tally.cases for tally in tallies), sum(len(tally.failures) for tally in tallies)
    require(not failures, "\n".join(map(str, tallies)))
    return f"{sent:,} cases over {len(tallies)} documents, {failures} failures"
