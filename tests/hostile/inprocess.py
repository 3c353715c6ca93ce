"""The application in this process, over SQLite: the same requests and checks as over connections, with room for planted faults."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest
from django.core.handlers.wsgi import WSGIHandler

from apiserver.server import stamp
from apiserver.server.api_handler import with_api
from apiserver.server.configuration import apply
from connections.services import SESSIONS
from tests import databases
from tests.answers import Answer
from tests.databases import Database
from tests.hostile import access, stage
from tests.hostile.wire import Sent
from users.throttle import AUTHTOKENS


@dataclass
class Inside:
    """A way to the application without a server; `source` is the address that the caller has."""

    application: Any
    database: Database
    source: str = "127.0.0.1"
    hidden: list[tuple[Any, ...]] = field(default_factory=list)  # what the user may not see, as it was in the beginning

    def exchange(self, sent: Sent) -> Answer:
        """Answer one request as a WSGI server would have it."""
        found: dict[str, Any] = {}

        def start_response(status: str, headers: list[tuple[str, str]], *_: Any) -> None:
            found.update(status=int(status.split()[0]), headers={name.lower(): value for name, value in headers})

        body = self.application(self.environ(sent), start_response)
        content = b"".join(body)
        getattr(body, "close", lambda: None)()
        return Answer(found["status"], found["headers"], b"" if sent.method == "HEAD" else content)

    def exchange_all(self, requests: Iterable[Sent]) -> Iterator[tuple[Sent, Answer]]:
        """Answer one after the other."""
        for sent in requests:
            yield sent, self.exchange(sent)

    def environ(self, sent: Sent) -> dict[str, Any]:
        """Return what the server would hand over."""
        path, _, query = sent.target.partition(b"?")
        found = {
            "REQUEST_METHOD": sent.method,
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query.decode("latin-1"),
            "SERVER_NAME": "testserver",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": self.source,
            "HTTP_HOST": "testserver",
            "CONTENT_LENGTH": str(len(sent.body or b"")),
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(sent.body or b""),
        }
        for name, value in sent.headers:
            upper = name.upper().replace("-", "_")
            key = upper if upper == "CONTENT_TYPE" else f"HTTP_{upper}"
            text = value.encode("utf-8", "surrogateescape").decode("latin-1")
            found[key] = f"{found[key]},{text}" if key in found else text
        return found


def inside(folder: Path, request: pytest.FixtureRequest, server: Mapping[str, Any] | None = None) -> Inside:
    """Fill a database, publish it, and forget what other tests left in this process."""
    SESSIONS.close()
    AUTHTOKENS.forget()
    database = databases.sqlite("inside", request, folder)
    stage.fill(database)
    database.run("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)")
    resources: dict[str, Any] = stage.resources("sqlite")
    resources["items"] = {"connection": "sqlite_db", "table": "items", "methods": stage.EVERY}
    lead = {"role": "query", "privileges": stage.EVERY, "authtoken": access.TOKEN, "resources": {**stage.rights("sqlite"), "items": {}}}
    configuration = {
        "server": {
            "page_size": 50,
            "cors": {"enabled": True, "allow_origins": [access.ORIGIN]},
            "trusted_proxies": ["127.0.0.3"],
            **(server or {}),
        },
        "connections": {"sqlite_db": database.connection},
        "resources": resources,
        "users": {access.USER: lead},
    }
    apply(configuration, now=dt.datetime.now(dt.UTC))
    stamp.changed()
    return Inside(with_api(WSGIHandler()), database, hidden=stage.hidden(database))
