"""R25: long reads through kill -9 of web and worker at random moments."""

from __future__ import annotations

from chaos.promises import promise, require
from chaos.site import database, folder
from tests.powerplatform.long_client import expected, readings, served

ROWS = 15_000
READS, CLIENTS = 100, 4
KILLS, EVERY = 20, 4  # a kill after every so many reads


@promise("R25")
def long_reads_survive() -> str:
    with folder() as where:
        source = database("postgresql", "long_reads", where)
        server = served(source, where, ROWS)
        try:
            paths = [f"/api.rsc/items?$orderby=name&$top={ROWS - number % 10}" for number in range(READS)]
            found, killed = readings(server, paths, clients=CLIENTS, kills=KILLS, every=EVERY)
            wanted = expected(server, paths)
        finally:
            server.stop()
    wrong = [(status, body[:200]) for path, (status, body) in zip(paths, found, strict=True) if (status, body) != (200, wanted[path])]
    require(not wrong, f"{len(wrong)} of {READS} reads ended otherwise: {wrong[:2]}")
    require(killed >= 5, f"only {killed} processes were killed")
    return f"{READS} reads of {ROWS:,} rows by {CLIENTS} clients, {killed} processes killed: {READS} ended with exactly the rows"
