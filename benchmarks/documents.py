"""`python -m benchmarks.documents`: $oas of 200 tables x 20 columns: cold, kept, 304, each beside the read of one row by its key.

CPU milliseconds of one request through the whole service in this process, the least of some rounds: what else runs on the machine
makes it longer. Cold: nothing of the catalog is known, the tables
have comments, keys and times by which triggers are found. Ends with 1 where a bar is missed.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

TABLES, COLUMNS = 200, 20
MOST_COLD = 150.0  # ms
TOKEN = "benchmark-token-0123456789abcdef"


def prepare(folder: Path) -> None:
    """Publish the tables, a description at each second column, to one who reads and one who does all."""
    from django.core.management import call_command
    from django.utils import timezone

    from apiserver.resources.models import Resource
    from apiserver.resources.services import publish_tables
    from connections.contract.table import TableRef
    from connections.services import save_connection
    from users.models import User
    from users.tokens import generate

    call_command("migrate", verbosity=0)
    columns = ", ".join(f"column_{number:02} VARCHAR(40)" for number in range(COLUMNS - 3))
    tables = [f"table_{number:03}" for number in range(TABLES)]
    with closing(sqlite3.connect(folder / "source.db")) as source:
        for table in tables:
            source.execute(
                f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, created TIMESTAMP NOT NULL, updated TIMESTAMP NOT NULL, {columns})"
            )
        source.execute("INSERT INTO table_000 (id, created, updated) VALUES (1, '2026-11-21 10:00:00', '2026-11-21 10:00:00')")
        source.commit()
    connection = save_connection(name="shop", connector="sqlite", values={"Database": str(folder / "source.db")})
    published = publish_tables(connection, [TableRef("", table) for table in tables], now=timezone.now())
    for resource in published:
        names = [column["name"] for column in resource.snapshot["columns"]]
        resource.columns = {name: {"description": f"What stands in {name}"} if place % 2 else {} for place, name in enumerate(names)}
    Resource.objects.bulk_update(published, ["columns"])
    for name, privileges in (("reader", ["GET"]), ("flow", ["GET", "POST", "PATCH", "DELETE"])):
        generate(User.objects.create_user(name, privileges=privileges), now=timezone.now(), text=f"{name}-{TOKEN}")


def cpu(run: Callable[[], Any], rounds: int) -> float:
    """Return the CPU milliseconds of one run, the least of the rounds."""
    found = []
    for _ in range(rounds):
        begun = time.process_time_ns()
        run()
        found.append((time.process_time_ns() - begun) / 1e6)
    return min(found)


def forget() -> None:
    """Forget catalogs and documents, as a process that has answered nothing yet."""
    from apiserver.odata import documents
    from apiserver.resources import builder

    builder.CACHE = builder.Cache()
    documents._document.cache_clear()


def measure(name: str, query: str) -> dict[str, float]:
    """Return the figures of one user and one address."""
    from django.test import Client

    client = Client(headers={"x-cdata-authtoken": f"{name}-{TOKEN}"})
    address = f"/api.rsc/$oas{query}"

    def get(path: str, status: int, **headers: str) -> Any:
        answer = client.get(path, headers=headers)
        assert answer.status_code == status, answer.content[:300]
        return answer

    def cold() -> None:
        forget()
        get(address, 200)

    first = get(address, 200)
    tag = {"if-none-match": first["ETag"]}
    found = {"kB": len(first.content) / 1000, "cold": cpu(cold, 15)}
    with_catalog = lambda: (documents_forgotten(), get(address, 200))  # noqa: E731
    found["document"] = cpu(with_catalog, 15)
    many = 50
    for title, run in (
        ("kept", lambda: get(address, 200)),
        ("304", lambda: get(address, 304, **tag)),
        ("key", lambda: get("/api.rsc/table_000(1)", 200)),
    ):
        found[title] = cpu(lambda run=run: [run() for _ in range(many)], 15) / many  # type: ignore[misc]
    return found


def documents_forgotten() -> None:
    """Forget the documents alone."""
    from apiserver.odata import documents

    documents._document.cache_clear()


def main() -> int:
    """Measure, print, compare with the bars."""
    argparse.ArgumentParser(prog="benchmarks.documents", description=__doc__).parse_args()
    folder = Path(tempfile.mkdtemp(prefix="benchmark-documents-"))
    os.environ |= {"APISERVER_DATA_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "apiserver.settings"}
    import django

    django.setup()
    prepare(folder)
    importlib.import_module("apiserver.wsgi")  # collects garbage as seldom as the server does
    print(f"load of the machine: {os.getloadavg()[0]:.1f}; {TABLES} tables x {COLUMNS} columns; CPU ms a request")
    titles = ("kB", "cold", "document", "kept", "304", "key")
    print(f"{'user, address':46}" + "".join(f"{title:>10}" for title in titles))
    is_good = True
    for name, query in (("reader", ""), ("flow", ""), ("flow", "?operations=read"), ("flow", "?resources=table_000,table_001")):
        found = measure(name, query)
        is_good &= found["cold"] <= MOST_COLD and found["304"] <= found["key"]
        print(f"{name + ' $oas' + query:46}" + "".join(f"{found[title]:>10.2f}" for title in titles))
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
