"""Each check must be seen to fail: known weaknesses are planted in this process, and the checks must report them.

The sound application comes first: what reports nothing there and something here is a check that works.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.http import HttpResponse

from apiserver.odata import binder_state, errors, reader_plan, service, urlparser, writer_body, writer_values
from apiserver.server import addresses, cors, csv_lines, rest
from connections.connectors.sql import dialect_sqlite, functions_sqlite
from connections.connectors.sql.session import SqlSession
from tests.hostile import access, bodies, inputs, sql_log, stage, test_literals
from tests.hostile.inprocess import Inside, inside
from tests.hostile.payloads import MARK, UNSTORABLE, encoded, literal, texts
from tests.hostile.sending import examine, signed
from tests.hostile.wire import Sent
from users import authentication, principal

pytestmark = pytest.mark.django_db
Patch = pytest.MonkeyPatch
BINDER = binder_state.BinderState


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what earlier tests found out: who a token is, how a question is asked."""
    monkeypatch.setattr(authentication, "CACHE", authentication.Cache())
    monkeypatch.setattr(reader_plan, "PLANS", reader_plan.PlanCache())


# ---- probes: what the suites do, with fewer requests ----


def requests(there: Inside) -> set[str]:
    """Send some of every family; return what kinds of faults were found."""
    sent = [request for family in inputs.ADDRESSES.values() for request in family("sqlite")[::41]]
    sent += [request for family in bodies.BODIES.values() for request in family("sqlite")[::29]]
    found = examine(there, signed([one for one in sent if len(one.body or b"") < 100_000], access.TOKEN)).kinds()
    return found | ({"changed"} if stage.hidden(there.database) != there.hidden else set())


def family(name: str, step: int) -> Callable[[Inside], set[str]]:
    """Return a probe that sends some of one family."""

    def probe(there: Inside) -> set[str]:
        sent = {**inputs.ADDRESSES, **bodies.BODIES}[name]("sqlite")[::step]
        return examine(there, signed([one for one in sent if len(one.body or b"") < 100_000], access.TOKEN)).kinds()

    return probe


def classics(there: Inside) -> set[str]:
    """Send the oldest trick of all, as a number and as a text."""
    words = ("name eq '{0}'", "contains(name,'{0}')", "name in ('{0}','b')", "name ne '{0}' and id lt 3")
    ends = ("'') OR 1=1 --", "'' OR ''1''=''1", "'') OR 1=1) --", "'') OR (1=1")
    asked = [f"/api.rsc/traps_sqlite?$filter={encoded(word.format(end))}" for word in words for end in ends]
    return examine(there, signed([Sent(one.encode()) for one in asked], access.TOKEN)).kinds()


def statements(there: Inside) -> set[str]:
    """Send attacks while the statements are written down; return what the oracle says."""
    heard: list[str] = []
    asked = SqlSession._execute_reading

    def listening(self: Any, sql: str, *given: Any) -> Any:
        heard.append(sql)
        return asked(self, sql, *given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SqlSession, "_execute_reading", listening)
        examine(there, signed(inputs.attacks("sqlite")[::4], access.TOKEN))
    assert len(heard) > 100
    return {f"statement {sql}" for sql in heard if MARK in sql_log.without_literals(sql, sql_log.POSTGRES_TEXT)}


def meanings(there: Inside) -> list[str]:
    """Filter by texts."""
    return test_literals.wrong_filters(there, "sqlite", texts(150)[::3], access.TOKEN)


def trips(there: Inside) -> list[str]:
    """Store texts and read them back."""
    return test_literals.wrong_trips(there, "sqlite", texts(150)[::4], access.TOKEN)


def unstorable(there: Inside) -> set[int]:
    """Send what no database stores; return the statuses other than 400."""
    sent = [Sent(f"/api.rsc/labels_sqlite({literal(text)})".encode()) for text in (*UNSTORABLE, "\udc00")]
    sent += [test_literals.write("POST", "texts_sqlite", {"id": 900 + number, "body": text}) for number, text in enumerate(UNSTORABLE)]
    return {answer.status for _, answer in there.exchange_all(signed(sent, access.TOKEN))} - {400}


def credentials(there: Inside) -> list[str]:
    """Come with bad credentials."""
    endpoints = ("/api.rsc/items", "/api.rsc/nothing", "/manage/api/nothing/")
    return access.admitted(there, access.bad_credentials(), endpoints, ("GET", "FOO"))


def stranger(there: Inside) -> list[str]:
    """Claim another address from an untrusted one."""
    return access.forged(Inside(there.application, there.database, "127.0.0.2"), access.ADDRESSES[::8])


def behind(there: Inside) -> list[str]:
    """Claim another address through a listed proxy."""
    return access.chained(Inside(there.application, there.database, "127.0.0.3"))


def origins(there: Inside) -> list[str]:
    """Ask as pages of other sites."""
    return access.allowed_origins(there, (access.ORIGINS[1], *access.ORIGINS[3:5]))


PROBES: tuple[Callable[[Inside], Any], ...] = (requests, statements, meanings, trips, unstorable, credentials, stranger, behind, origins)


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.__name__)
def test_sound_application_reports_nothing(tmp_path: Path, request: pytest.FixtureRequest, probe: Callable[[Inside], Any]) -> None:
    assert not probe(inside(tmp_path, request))


# ---- faults ----


@dataclass(frozen=True)
class Fault:
    """A known weakness: what is put in whose place, which probe must report it, and a word of the report."""

    name: str
    probe: Callable[[Inside], Any]
    reported: str
    plant: Callable[[Patch], None]
    server: dict[str, Any] = field(default_factory=dict)


def put(*changes: tuple[Any, str, Any]) -> Callable[[Patch], None]:
    """Return what puts values in the place of others."""

    def plant(patch: Patch) -> None:
        for owner, name, value in changes:
            patch.setattr(owner, name, value)

    return plant


def function(name: str, template: str) -> Callable[[Patch], None]:
    """Return what changes one function of SQLite's dialect."""

    def plant(patch: Patch) -> None:
        patch.setitem(functions_sqlite.FUNCTIONS, name, template)
        dialect_sqlite.dialect.cache_clear()

    return plant


def pasted(self: Any, sql: str, binds: Any = (), **named: Any) -> Any:
    """Write values into the text as many programs do."""
    parts = sql.split("?")
    texts_of = [f"'{value}'" if isinstance(value, str) else "NULL" if value is None else str(value) for value in binds]
    whole = parts[0] + "".join(text + part for text, part in zip(texts_of, parts[1:], strict=False))
    return ASKED(self, whole, (), **named)


ASKED = SqlSession.query


def telling(error: Exception) -> errors.Problem:
    """Tell the client what only the log should know."""
    return errors.Problem(500, "InternalError", "".join(traceback.format_exception(error)))


def driver_words(error: Exception) -> errors.Problem:
    """Add the error's own words to the answer."""
    found = errors.problem_of(error)
    found.message += f" {type(error).__name__}: {error.__cause__!r}"
    return found


def early_405(exchange: Any) -> None:
    """Refuse methods before anybody is asked who they are."""
    if exchange.request.method == "FOO":
        raise errors.NotAllowed("FOO", ("GET",))


def early_404(self: Any, request: Any, *args: Any, **kwargs: Any) -> None:
    """Tell what is there before anybody is asked who they are."""
    raise rest.NotFound("Nothing is here.")


def believing(request: Any) -> addresses.Caller:
    """Believe whoever says where they come from."""
    given = request.META.get("HTTP_X_FORWARDED_FOR") or request.META.get("HTTP_X_REAL_IP") or request.META["REMOTE_ADDR"]
    return addresses.Caller(given)


def first_hop(request: Any, peer: str, proxies: Any) -> str:
    """Take the chain's first address, which anybody can write."""
    return request.META.get("HTTP_X_FORWARDED_FOR", peer).split(",")[0].strip()


def generous(data: Any) -> principal.GrantRights:
    """Forget the columns of a grant."""
    return principal.GrantRights(None, None, data.get("filter", ""))


FAULTS = (
    Fault("a number is read without a check", family("scalars", 9), "5xx", put((urlparser, "parse_natural", lambda text, *_: int(text)))),
    Fault(
        "a trace is told",
        family("scalars", 9),
        "leak",
        put((urlparser, "parse_natural", lambda text, *_: int(text)), (errors, "_unexpected", telling)),
    ),
    Fault("the driver's words are told", family("paths", 5), "leak", put((service, "problem_of", driver_words))),
    Fault(
        "errors are text",
        family("paths", 5),
        "shape",
        put((service, "error_response", lambda problem: HttpResponse("no", status=problem.status))),
    ),
    Fault("rows outside the filter", requests, "foreign", put((BINDER, "row_filters", lambda *_: []))),
    Fault("rows outside the filter are written", requests, "changed", put((BINDER, "row_filters", lambda *_: []))),
    Fault("hidden columns", requests, "foreign", put((principal, "grant_of", generous))),
    Fault("values are pasted: rows", classics, "foreign", put((SqlSession, "query", pasted))),
    Fault("values are pasted: statements", statements, "statement", put((SqlSession, "query", pasted))),
    Fault("unbounded exponents", family("raw bodies", 2), "5xx", put((writer_body, "_decimal", writer_body.Decimal))),
    Fault("half characters in errors", family("named bodies", 1), "5xx", put((errors, "_utf8", str))),
    Fault("wildcards are not data", meanings, "contains", function("contains", "{0} LIKE '%' || {1} || '%'")),
    Fault("any case is equal", meanings, "body%20eq", function("eq_text", "{0} COLLATE NOCASE = {1}")),
    Fault("text is trimmed on its way in", trips, "came back", put((writer_values, "_string", lambda column, raw, name: raw.strip()))),
    Fault("broken bytes are guessed", unstorable, "404", put((service, "_check_bytes", lambda request: None))),
    Fault("halves are stored", unstorable, "201", put((writer_values, "_string", lambda column, raw, name: raw))),
    Fault("tokens in any case", credentials, "upper", put((authentication.tokens, "digest", lambda text: digest(text.lower())))),
    Fault("tokens are cut", credentials, "longer", put((authentication.tokens, "digest", lambda text: digest(text[:20])))),
    Fault("any user name", credentials, "other user", put((authentication, "hmac", SimpleNamespace(compare_digest=lambda *_: True)))),
    Fault("tokens in addresses", credentials, "in the path", put(), {"allow_authtoken_in_url": True}),
    Fault("anybody", credentials, "none", put(), {"anonymous": True}),
    Fault("405 before 401", credentials, "FOO", put((service, "STAGES", (early_405, *service.STAGES)))),
    Fault("404 before 401", credentials, "404", put((rest.Nothing, "initial", early_404))),
    Fault("forwarded headers of anybody", stranger, "X-Forwarded-For", put((addresses, "caller", believing))),
    Fault("the first of a chain", behind, "X-Forwarded-For", put((addresses, "forwarded_for", first_hop))),
    Fault(
        "origins that begin alike", origins, "evil", put((cors.OptionsInForce, "CORS_ALLOWED_ORIGIN_REGEXES", [r"https://app.example.com"]))
    ),
    Fault("origins that end alike", origins, "evil", put((cors.OptionsInForce, "CORS_ALLOWED_ORIGIN_REGEXES", [r".*app\.example\.com\Z"]))),
    Fault("every origin", origins, "evil", put((cors.OptionsInForce, "CORS_ALLOW_ALL_ORIGINS", True))),
    Fault(
        "pages of the console for others",
        origins,
        "/console/",
        put((cors, "is_service", lambda request: True), (cors.OptionsInForce, "CORS_ALLOW_ALL_ORIGINS", True)),
    ),
    Fault("no Vary", origins, "no Vary", put((cors.library, "patch_vary_headers", lambda *_: None))),
)
digest = authentication.tokens.digest


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_fault_is_reported(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, fault: Fault) -> None:
    fault.plant(monkeypatch)
    logging.disable()  # what these faults log can't leave the test's process: halves of surrogate pairs
    request.addfinalizer(lambda: logging.disable(logging.NOTSET))
    request.addfinalizer(dialect_sqlite.dialect.cache_clear)

    reported = str(fault.probe(inside(tmp_path, request, fault.server)))

    assert fault.reported in reported, reported[:400]


def test_formulas_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.hostile.test_pages import test_downloads_defuse_formulas

    monkeypatch.setattr(csv_lines, "harmless", lambda value: value)
    with pytest.raises(AssertionError):
        test_downloads_defuse_formulas("=1+1")
