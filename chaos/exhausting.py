"""S5: what is expensive and still within every limit ends in time, holds no memory and does not starve others."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

from chaos.honest import Honest, measured
from chaos.promises import promise, require
from chaos.site import HEADERS, TOKEN, configuration, database, entry, folder, memory, serving
from tests.databases import Database
from tests.served import Served

ROWS = 20_000
TIMEOUT = 5
MOST_MIB = 400  # four answers at the bound of a page's bytes at a time
# A statement may take its time twice (count and rows), and each may have waited for a connection.
MOST_SECONDS = 4 * TIMEOUT


def filled(where: Path) -> Database:
    """Return a database of parents and children, none of it helped by an index."""
    source = database("postgresql", "exhausting", where)
    source.run("CREATE TABLE parents (id integer PRIMARY KEY, name text, note text)")
    source.run("CREATE TABLE children (id integer PRIMARY KEY, parent_id integer REFERENCES parents (id), note text)")
    source.run(f"INSERT INTO parents SELECT n, 'name ' || n, repeat(md5(n::text), 10) FROM generate_series(1, {ROWS}) n")
    source.run(f"INSERT INTO children SELECT n, n % {ROWS} + 1, md5(n::text) FROM generate_series(1, {ROWS * 2}) n")
    return source


def queries() -> list[str]:
    """Return expensive requests, each at the edge of what is allowed."""
    deep = "(" * 39 + "id gt 0" + ")" * 39
    wide = " or ".join(f"contains(note,'{n}x')" for n in range(95))
    nested = "concat(" * 30 + "note" + ",note)" * 30
    filters = [deep, wide, f"length({nested}) gt 5", " and ".join(f"indexof(note,'{n}') gt -2" for n in range(90))]
    filters += ["id in (" + ",".join(map(str, range(200))) + ")", f"contains(note,'{'a' * 5000}')", f"id eq {'9' * 40}"]
    related = "children/any(c:c/parent/children/any(d:contains(d/note,note) and contains(c/note,d/note)))"
    filters += [related, "children/any(c:contains(c/note,note))", "children/$count gt 1 and children/any(c:c/id gt id)"]
    paths = [f"parents?$filter={quote(text)}&$count=true" for text in filters]
    expand = "children($expand=parent($expand=children($expand=parent($expand=children))))"
    paths += [f"parents?$expand={expand}", f"children?$expand={quote('parent($expand=children;$orderby=note)')}"]
    orders = ",".join(f"concat(note,'{n}') desc" for n in range(20))
    paths += [f"parents?$orderby={quote(orders)}&$top=10000", "children?$orderby=note&$skip=2147483647", "parents?$top=2147483647"]
    compute = ",".join(f"concat(note,note) as c{n}" for n in range(150))
    paths += [f"parents?$compute={quote(compute)}", "parents?$search=" + quote(" ".join(f"a{n}" for n in range(100)))]
    return [*paths, "parents/$count?$filter=" + quote(wide), "$metadata", "$oas", "$openapi?version=3.1"]


@promise("S5-load")
def expensive_queries_are_bounded() -> str:
    with folder() as where:
        source = filled(where)
        file = configuration(source, ("parents", "children"))
        file["connections"]["source"] = entry(source.connection, Timeout=TIMEOUT)
        file["connections"]["other"] = source.connection
        file["resources"]["quick"] = {"connection": "other", "table": "parents"}
        with serving(file, where) as served:
            return figure(served)


def figure(served: Served) -> str:
    """Ask everything, four at a time, beside the honest user."""
    quick = f"{served.base}/api.rsc/quick?$top=5"
    before, held = measured(quick, TOKEN, 5), memory(served)
    honest = Honest(quick, TOKEN)
    time.sleep(2)  # it has begun
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda path: answered(served, path), queries() * 2))
    during, grown = honest.stop(), memory(served) - held
    longest = max(seconds for _, seconds in answers)
    failed = [status for status, _ in answers if status >= 500 and status != 504]
    require(not failed, f"statuses {failed}")
    require(longest < MOST_SECONDS, f"the longest took {longest:.1f} s")
    require(grown < MOST_MIB, f"memory grew by {grown:.0f} MiB")
    require(during.failed == 0, f"the honest user: {during}")
    late = sum(status == 504 for status, _ in answers)
    return (
        f"{len(answers)} exhausting queries, four at a time: 0 5xx but {late} time limits (504); longest {longest:.1f} s, "
        f"memory {grown:+.0f} MiB; honest user's p95 {before.p95:.0f} ms before, {during.p95:.0f} ms during, most {during.most:.0f} ms"
    )


def answered(served: Served, path: str) -> tuple[int, float]:
    """Return status and seconds."""
    started = time.monotonic()
    status, _, _ = served.get(f"/api.rsc/{path}", HEADERS)
    return status, time.monotonic() - started
