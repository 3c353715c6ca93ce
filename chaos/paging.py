"""R23: pages stay whole beside changes: each row that was there throughout comes exactly once."""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from contextlib import closing
from urllib.parse import urlsplit

from chaos.promises import promise, require
from chaos.site import HEADERS, configuration, database, folder, serving
from tests.databases import Database
from tests.served import Served

ROWS, PAGE = 100_000, 500


class Churner(threading.Thread):
    """Inserts and deletes rows whose keys lie between those that stay."""

    def __init__(self, source: Database) -> None:
        super().__init__(daemon=True)
        self._source = source
        self._ended = threading.Event()
        self.changes = 0

    def run(self) -> None:
        chance = random.Random(4711)
        with closing(self._source.connect()) as connection:
            while not self._ended.wait(0.005):
                keys = [chance.randrange(ROWS) * 2 + 1 for _ in range(20)]
                cursor = connection.cursor()
                cursor.execute("DELETE FROM items WHERE id = ANY(%s)", (keys[:10],))
                cursor.executemany(
                    "INSERT INTO items VALUES (%s, %s, 'new') ON CONFLICT DO NOTHING", [(key, key % 97) for key in keys[10:]]
                )
                connection.commit()
                self.changes += 20

    def stop(self) -> int:
        """Return how many rows were inserted or deleted."""
        self._ended.set()
        self.join(30)
        return self.changes


def walked(served: Served, query: str) -> tuple[Counter[int], int]:
    """Follow every nextLink; return how often each row that stays came, and the pages."""
    seen, pages, path = Counter[int](), 0, f"/api.rsc/items?{query}"
    while path:
        status, _, body = served.get(path, HEADERS)
        require(status == 200, body[:300])
        page = json.loads(body)
        seen.update(row["id"] for row in page["value"] if row["id"] % 2 == 0)
        parts = urlsplit(page.get("@odata.nextLink", ""))
        path, pages = f"{parts.path}?{parts.query}" if parts.path else "", pages + 1
    return seen, pages


@promise("R23")
def pages_are_stable() -> str:
    with folder() as where:
        source = database("postgresql", "paging", where)
        source.run("CREATE TABLE items (id integer PRIMARY KEY, grp integer, name text)")
        source.run(f"INSERT INTO items SELECT n * 2, n % 97, 'stays' FROM generate_series(0, {ROWS - 1}) n")
        with serving(configuration(source, ("items",), page_size=PAGE), where) as served:
            told = []
            for name, query in (("by key", "$select=id"), ("by another column, downwards", "$select=id&$orderby=grp%20desc")):
                churner = Churner(source)
                churner.start()
                seen, pages = walked(served, query)
                changes = churner.stop()
                missing, twice = ROWS - len(seen), sum(count > 1 for count in seen.values())
                require(missing == twice == 0, f"{name}: missing {missing}, twice {twice}")
                require(changes > 1000, f"only {changes} changes beside it")
                told.append(f"{name}: {pages} pages beside {changes:,} changes, missing 0, twice 0")
    return f"{ROWS:,} rows in pages of {PAGE}, {'; '.join(told)}"
