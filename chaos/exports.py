"""R10: somebody who exports a whole table does not slow the many who read a little."""

from __future__ import annotations

from chaos.bulkheads import asking
from chaos.honest import Times, measured
from chaos.promises import promise, require
from chaos.site import EVERY, TOKEN, configuration, database, folder, serving
from tests.served import Served

ROWS = 100_000
READERS = 50
PAUSE_SECONDS = 1.0  # of each reader, after each page
SECONDS = 6
ROUNDS = 5
EXPORTER = "exporter-token-0123456789abcdef"
COLUMNS = ", ".join(f"md5((n * {factor})::text) AS text{factor}, n * {factor} AS number{factor}" for factor in range(2, 7))


@promise("R10-export")
def an_export_slows_no_small_reader() -> str:
    with folder() as where:
        source = database("postgresql", "exports", where)
        source.run(f"CREATE TABLE items AS SELECT n AS id, {COLUMNS} FROM generate_series(1, {ROWS}) n")
        source.run("ALTER TABLE items ADD PRIMARY KEY (id)")
        file = configuration(source, ("items",), page_size=0, max_page_size=0)
        file["users"]["exporter"] = {"role": "query", "privileges": EVERY, "authtoken": EXPORTER}
        with serving(file, where) as served:
            return figure(served)


def figure(served: Served) -> str:
    """Measure the readers alone and beside an export that begins again and again, in turns."""
    small = f"{served.base}/api.rsc/items?$top=5"
    alone, beside, exports = list[Times](), list[Times](), 0
    measured(small, TOKEN, SECONDS, READERS, PAUSE_SECONDS)  # each thread of the server has its connection then
    for _ in range(ROUNDS):
        alone.append(measured(small, TOKEN, SECONDS, READERS, PAUSE_SECONDS))
        with asking(served, "/api.rsc/items", EXPORTER, 1) as statuses:
            beside.append(measured(small, TOKEN, SECONDS, READERS, PAUSE_SECONDS))
        require(set(statuses) == {200}, statuses)
        exports += statuses[200]
    before, during = middle(alone), middle(beside)
    require(all(item.failed == 0 for item in alone + beside), f"{alone}; {beside}")
    require(during <= 2 * before, f"p95 {before:.0f} ms alone, {during:.0f} ms beside: {alone}; {beside}")
    return (
        f"{READERS} readers of 5 rows beside {exports} exports of {ROWS:,} rows x 11 columns, one at a time, median of {ROUNDS} rounds: "
        f"p95 {before:.0f} ms alone, {during:.0f} ms beside, 0 failed"
    )


def middle(seen: list[Times]) -> float:
    """Return the median p95."""
    return sorted(item.p95 for item in seen)[len(seen) // 2]
