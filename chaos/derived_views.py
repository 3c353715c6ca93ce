"""S18: the SELECT of a derived view can't do more than read its connection: 60 statements that try."""

from __future__ import annotations

import time
from pathlib import Path
from urllib.parse import quote

from chaos.promises import promise, require
from chaos.site import HEADERS, configuration, database, entry, folder, serving
from tests.databases import Database
from tests.served import Served

TIMEOUT = 3
POSTGRES = (
    "INSERT INTO victims VALUES (9, 'x')",
    "UPDATE victims SET name = 'x'",
    "DELETE FROM victims",
    "TRUNCATE victims",
    "DROP TABLE victims",
    "ALTER TABLE victims ADD x integer",
    "CREATE TABLE planted (id integer)",
    "CREATE VIEW planted AS SELECT 1",
    "SELECT * INTO planted FROM victims",
    "WITH gone AS (DELETE FROM victims RETURNING *) SELECT * FROM gone",
    "WITH more AS (INSERT INTO victims VALUES (8, 'x') RETURNING *) SELECT * FROM more",
    "WITH other AS (UPDATE victims SET name = 'x' RETURNING *) SELECT * FROM other",
    "SELECT 1 AS id; DELETE FROM victims",
    "SELECT 1 AS id;DROP TABLE victims;--",
    "COPY victims TO '/tmp/apiserver-chaos-planted'",
    "COPY victims TO PROGRAM 'touch /tmp/apiserver-chaos-planted'",
    "COPY victims FROM PROGRAM 'echo 1'",
    "SELECT pg_read_file('/etc/passwd') AS id",
    "SELECT pg_read_binary_file('/etc/passwd') AS id",
    "SELECT pg_ls_dir('/') AS id",
    "SELECT lo_import('/etc/passwd') AS id",
    "SELECT lo_export(1, '/tmp/apiserver-chaos-planted') AS id",
    "SELECT lo_from_bytea(4711, 'x') AS id",
    "SELECT * FROM dblink('host=127.0.0.1', 'DELETE FROM victims') AS t(id integer)",
    "SELECT pg_sleep(60) AS id",
    "SELECT id, pg_sleep(60) FROM victims",
    "SELECT pg_advisory_lock(1) AS id",
    "SELECT pg_terminate_backend(pid) AS id FROM pg_stat_activity",
    "SELECT pg_cancel_backend(pid) AS id FROM pg_stat_activity",
    "SELECT pg_reload_conf() AS id",
    "SELECT pg_switch_wal() AS id",
    "SELECT set_config('default_transaction_read_only', 'off', false) AS id",
    "SELECT set_config('statement_timeout', '0', false) AS id",
    "SET ROLE postgres",
    "SET default_transaction_read_only = off",
    "RESET ALL",
    "BEGIN",
    "COMMIT",
    "DO $$ BEGIN DELETE FROM victims; END $$",
    "CALL something()",
    "EXPLAIN ANALYZE DELETE FROM victims",
    "SELECT query_to_xml('DELETE FROM victims', true, true, '') AS id",
    "SELECT xpath('/', xmlparse(document '<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>')) AS id",
    "SELECT nextval('numbers') AS id",
    "SELECT setval('numbers', 100) AS id",
    "SELECT rolpassword AS id FROM pg_authid",
    "SELECT id FROM victims FOR UPDATE",
    "LOCK TABLE victims",
    "NOTIFY x",
    "LISTEN x",
    "VACUUM victims",
    "GRANT ALL ON victims TO public",
    "SELECT a.n AS id FROM generate_series(1, 100000) a(n), generate_series(1, 100000) b(n)",
    "WITH RECURSIVE r(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM r) SELECT id FROM r",
)
SQLITE = (
    "ATTACH DATABASE '/tmp/apiserver-chaos-planted' AS x",
    "SELECT load_extension('x') AS id",
    "SELECT writefile('/tmp/apiserver-chaos-planted', 'x') AS id",
    "SELECT readfile('/etc/passwd') AS id",
    "PRAGMA writable_schema = 1",
    "VACUUM INTO '/tmp/apiserver-chaos-planted'",
)
PLANTED = Path("/tmp/apiserver-chaos-planted")


def filled(kind: str, where: Path) -> Database:
    """Return a database whose rows tell whether something was done to them."""
    source = database(kind, "views", where)
    source.run("CREATE TABLE victims (id integer PRIMARY KEY, name varchar(9))")
    source.run("INSERT INTO victims VALUES (1, 'a'), (2, 'b')")
    if kind == "postgresql":
        source.run("CREATE SEQUENCE numbers")
    return source


def effect(source: Database) -> list[tuple[object, ...]]:
    """Return what a statement could have changed."""
    found = source.run("SELECT * FROM victims ORDER BY id")
    if source.kind == "postgresql":
        found += source.run("SELECT last_value, is_called FROM numbers")
        found += source.run("SELECT relname FROM pg_class WHERE relkind IN ('r', 'v') AND relnamespace = 'public'::regnamespace ORDER BY 1")
        found += source.run("SELECT count(*) FROM pg_largeobject_metadata")
    return found


@promise("S18")
def derived_views_only_read() -> str:
    with folder() as where:
        sources = {"postgresql": filled("postgresql", where), "sqlite": filled("sqlite", where)}
        file = configuration(sources["postgresql"], ("victims",))
        file["connections"]["source"] = entry(sources["postgresql"].connection, Timeout=TIMEOUT)
        file["connections"]["file"] = entry(sources["sqlite"].connection, Timeout=TIMEOUT)
        PLANTED.unlink(missing_ok=True)
        with serving(file, where) as served:
            before = [effect(source) for source in sources.values()]
            tried = [attempt(served, "source", sql) for sql in POSTGRES] + [attempt(served, "file", sql) for sql in SQLITE]
            after = [effect(source) for source in sources.values()]
    require(before == after and not PLANTED.exists(), f"something was done: {after}")
    refused = sum(found == 0 for found in tried)
    return (
        f"{len(tried)} statements: 0 had an effect; {refused} refused as views, {len(tried) - refused} read and ended; "
        f"the longest in {max(tried):.1f} s (Timeout {TIMEOUT} s)"
    )


def attempt(served: Served, connection: str, sql: str) -> float:
    """Publish the statement and read it; return the seconds that reading took, 0 when it was refused."""
    given = {"name": "view", "connection": connection, "sql": sql, "methods": ["GET"]}
    status, _, body = served.get("/manage/api/resources/", HEADERS, "POST", given)
    require(status < 500 or status in (502, 504), f"{status} for {sql}: {body[:200]!r}")
    if status != 201:
        return 0.0
    started = time.monotonic()
    status, _, body = served.get(f"/api.rsc/{quote('view')}?$top=5", HEADERS)
    taken = time.monotonic() - started
    require(status < 500 or status in (502, 503, 504), f"{status} for {sql}: {body[:200]!r}")
    require(taken < 3 * TIMEOUT, f"{sql} took {taken:.0f} s")
    served.get("/manage/api/resources/view/", HEADERS, "DELETE")
    return taken
