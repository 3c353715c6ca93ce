"""`python -m benchmarks.triggers`: detection for 1,000 subscriptions of one table, and callbacks a second of one worker.

Everything in this process and on loopback: SQLite as the product's own database and as the source, a receiver as a child process.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

SUBSCRIPTIONS, ROWS = 1000, 100
FILTERS = 20  # different ones
CREATE = "CREATE TABLE orders (id INTEGER PRIMARY KEY, name TEXT NOT NULL, total INTEGER NOT NULL, updated TIMESTAMP NOT NULL)"


def receive(port: Any) -> None:
    """Answer every POST, counting nothing: as little as a receiver can do."""
    import asyncio

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
                await reader.readexactly(length)
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def main() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port.value = server.sockets[0].getsockname()[1]
        await server.serve_forever()

    asyncio.run(main())


def prepare(folder: Path, port: int) -> Any:
    """Publish a table and subscribe to it; return its resource."""
    from django.core.management import call_command
    from django.utils import timezone

    from apiserver.resources.services import publish_tables
    from apiserver.server import options
    from connections.contract.table import TableRef
    from connections.services import save_connection

    call_command("migrate", verbosity=0)
    with closing(sqlite3.connect(folder / "source.db")) as source:
        source.execute(CREATE)
    options.save({"outgoing": {"allow": [f"http://127.0.0.1:{port}"]}, "triggers": {"subscriptions": 10_000}})
    connection = save_connection(name="shop", connector="sqlite", values={"Database": str(folder / "source.db")})
    return publish_tables(connection, [TableRef("", "orders")], now=timezone.now())[0]


def subscribe(resource: Any, port: int, count: int) -> None:
    """Store subscriptions with a few filters among them."""
    import uuid

    from django.utils import timezone

    from apiserver.triggers import signing, watching
    from apiserver.triggers.models import Subscription
    from connections import vault
    from users.models import User

    user = User.objects.create_user("flow", privileges=["GET"])
    now = timezone.now()
    watching.ensure(resource, "created", now=now)
    secret = vault.seal(signing.new_secret())
    Subscription.objects.bulk_create(
        Subscription(
            public_id=uuid.uuid4().hex,
            user=user,
            resource=resource,
            event="created",
            filter=f"total mod {FILTERS} eq {number % FILTERS}",
            callback=vault.seal(f"http://127.0.0.1:{port}/{number}"),
            callback_sha256=str(number),
            host=f"127.0.0.1:{port}",
            secret=secret,
            created=now,
        )
        for number in range(count)
    )


def insert(folder: Path, count: int) -> None:
    """Add rows to the source."""
    with closing(sqlite3.connect(folder / "source.db")) as source, source:
        rows = [(f"n{number}", number, "2026-11-21 10:00:00") for number in range(count)]
        source.executemany("INSERT INTO orders (name, total, updated) VALUES (?, ?, ?)", rows)


def detect() -> tuple[float, int]:
    """Look once; return the seconds and how many statements the source was asked."""
    from django.utils import timezone

    from apiserver.triggers.detection import look
    from apiserver.triggers.looking import claim
    from apiserver.triggers.models import Watch
    from connections.connectors.sql import session

    asked: list[str] = []
    kind: Any = session.SqlSession
    real = kind.query
    kind.query = lambda self, sql, binds, **more: (asked.append(sql), real(self, sql, binds, **more))[1]
    Watch.objects.update(next_at=timezone.now())
    begun = time.perf_counter()
    for watch in claim((), 1, now=timezone.now()):
        look(watch)
    seconds = time.perf_counter() - begun
    kind.query = real
    return seconds, len(asked)


def deliver() -> tuple[int, float]:
    """Send all that waits; return how many and the seconds."""
    from apiserver.triggers.dispatching import DISPATCHER
    from apiserver.triggers.models import Delivery

    count, begun = Delivery.objects.filter(state=Delivery.WAITING).count(), time.perf_counter()
    while Delivery.objects.filter(state=Delivery.WAITING).exists():
        DISPATCHER.fill()
        time.sleep(0.1)
    return count, time.perf_counter() - begun


def main() -> int:
    """Measure, print, compare with the bars."""
    argparse.ArgumentParser(prog="benchmarks.triggers", description=__doc__).parse_args()
    folder = Path(tempfile.mkdtemp(prefix="benchmark-triggers-"))
    os.environ |= {"APISERVER_DATA_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "apiserver.settings"}
    port = multiprocessing.Value("i", 0)
    receiver = multiprocessing.Process(target=receive, args=(port,), daemon=True)
    receiver.start()
    import django

    django.setup()
    while not port.value:
        time.sleep(0.05)
    from django.utils import timezone

    from apiserver.triggers.models import Watch

    resource = prepare(folder, port.value)
    subscribe(resource, port.value, SUBSCRIPTIONS)
    idle, quiet = detect()
    insert(folder, ROWS)
    busy, asked = detect()
    while detect()[0] > 0 and Watch.objects.filter(next_at__lte=timezone.now()).exists():
        pass
    spent = time.process_time()
    count, seconds = deliver()
    spent = time.process_time() - spent
    receiver.terminate()
    figures = {
        "subscriptions": SUBSCRIPTIONS,
        "statements of a look": asked,
        "ms of a look, nothing new": round(idle * 1000, 1),
        f"ms of a look, {ROWS} rows": round(busy * 1000, 1),
        "deliveries": count,
        "callbacks a second": round(count / seconds),
        "CPU ms a callback": round(spent * 1000 / count, 2),
    }
    print(json.dumps(figures, indent=1))
    return 0 if (quiet, asked) == (1, 1) and count / seconds >= 200 else 1


if __name__ == "__main__":
    sys.exit(main())
