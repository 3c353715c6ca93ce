"""The SQL of derived views: what is refused, and that writing it anew changes no value on a real database."""

from __future__ import annotations

from pathlib import Path

import pytest

from connections.connectors.registry import get_connector
from connections.engine.view_sql import SqlRefused, checked_select
from tests import databases
from tests.databases import KINDS

EVERYWHERE = [
    ("", "empty"),
    ("-- nothing", "empty"),
    ("SELECT 1 AS a; SELECT 2 AS a", "several statements"),
    ("SELECT 1 AS a; DROP TABLE t", "several statements"),
    ("DELETE FROM t", "changes data"),
    ("UPDATE t SET a = 1", "changes data"),
    ("INSERT INTO t VALUES (1)", "changes"),
    ("DROP TABLE t", "can't be published"),
    ("CREATE TABLE t AS SELECT 1 AS a", "changes tables"),
    ("EXPLAIN SELECT 1", "can't be published"),
    ("VALUES (1)", "no SELECT"),
    ("WITH x AS (DELETE FROM t RETURNING a) SELECT a FROM x", "can't be published"),
    ("SELECT a + 1 FROM t", "column 1 has no name"),
    ("SELECT COUNT(*) FROM t", "column 1 has no name"),
    ("SELECT a, * FROM t WHERE", "can't be read"),
    ("SELECT ? AS a", "parameter"),
    ("SELECT :a AS a", "can't be published"),
    ("SELECT 'a\0' AS a", "no use for"),
    ("SELECT '\ue0000\ue001' AS a", "no use for"),
    (f"SELECT {'(' * 5000}1{')' * 5000} AS a", "nested too deeply"),
    (f"SELECT '{'x' * 50_000}' AS a", "longer than"),
]
BY_KIND = {
    "postgresql": [
        ("SELECT pg_sleep(1) AS a", "pg_sleep"),
        ("SELECT PG_SLEEP /* */ (1) AS a", "PG_SLEEP"),
        ('SELECT pg_catalog."pg_sleep"(1) AS a', "pg_sleep"),
        ("SELECT a FROM t, LATERAL pg_sleep(1)", "pg_sleep"),
        ("SELECT (0.5::float8).pg_sleep", "pg_sleep"),
        ("SELECT (q.a).pg_sleep FROM (SELECT 0.5 AS a) AS q", "pg_sleep"),
        ("SELECT q.a[1].pg_read_file FROM t AS q", "pg_read_file"),
        ("SELECT (q).a.pg_read_file FROM t AS q", "pg_read_file"),
        ("SELECT pg_read_file('/etc/passwd') AS a", "pg_read_file"),
        ("SELECT pg_read_binary_file('/etc/passwd') AS a", "pg_read_binary_file"),
        ("SELECT * FROM pg_ls_dir('.') AS a", "pg_ls_dir"),
        ("SELECT lo_import('/etc/passwd') AS a", "lo_import"),
        ("SELECT set_config('role', 'postgres', false) AS a", "set_config"),
        ("SELECT current_setting('data_directory') AS a", "current_setting"),
        ("SELECT pg_advisory_lock(1) AS a", "pg_advisory_lock"),
        ("SELECT pg_terminate_backend(1) AS a", "pg_terminate_backend"),
        ("SELECT query_to_xml('SELECT 1', true, true, '') AS a", "query_to_xml"),
        ("SELECT table_to_xml('pg_authid', true, true, '') AS a", "table_to_xml"),
        ("SELECT * FROM dblink('dbname=x', 'SELECT 1') AS a(b int)", "dblink"),
        ("SELECT nextval('s') AS a", "nextval"),
        ("SELECT * FROM ts_stat('SELECT 1')", "ts_stat"),
        ("SELECT * FROM pg_shadow", "pg_shadow"),
        ('SELECT * FROM "pg_catalog"."pg_authid"', "pg_authid"),
        ("SELECT a FROM t WHERE b IN (TABLE pg_user_mapping)", "pg_user_mapping"),
        ("SELECT * FROM information_schema.tables", "tables"),
        ("SELECT a FROM t FOR UPDATE", "FOR UPDATE"),
        ("SELECT * FROM (SELECT a FROM t FOR SHARE) AS q", "FOR UPDATE"),
        ("SELECT a INTO u FROM t", "INTO"),
        ("SELECT $1 AS a", "parameter"),
        ("SELECT interval '1 day 02:03:04' AS a", "without doubt; write otherwise: 1 day 02:03:04"),
        ("COPY (SELECT 1) TO '/tmp/x'", "can't be published"),
        ("DO $$ BEGIN END $$", "can't be published"),
    ],
    "mysql": [
        ("SELECT SLEEP(1) AS a", "SLEEP"),
        ("SELECT `sleep` (1) AS a", "sleep"),
        ("SELECT BENCHMARK(1, 1) AS a", "BENCHMARK"),
        ("SELECT LOAD_FILE('/etc/passwd') AS a", "LOAD_FILE"),
        ("SELECT GET_LOCK('a', 1) AS a", "GET_LOCK"),
        ("SELECT sys.ps_is_account_enabled('a', 'b') AS a", "may not call"),
        ("SELECT * FROM mysql.user", "user"),
        ("SELECT * FROM `mysql` . `user`", "user"),
        ("SELECT * FROM information_schema.tables", "tables"),
        ("SELECT @a := 1 AS a", "variable"),
        ("SELECT @@version AS a", "setting"),
        ("SELECT /*+ SET_VAR(sort_buffer_size = 1) */ a FROM t", "hints"),
        ("SELECT a FROM t INTO OUTFILE '/tmp/x'", "can't be read"),
        ("SELECT a FROM t LOCK IN SHARE MODE", "FOR SHARE"),
        ("SELECT 'q\"\"q' AS a", "without doubt"),
    ],
    "sqlite": [
        ("SELECT load_extension('x') AS a", "load_extension"),
        ("SELECT readfile('/etc/passwd') AS a", "readfile"),
        ("SELECT * FROM pragma_table_info('t')", "pragma_table_info"),
        ("SELECT * FROM pragma_database_list", "pragma_database_list"),
        ("SELECT * FROM sqlite_schema", "sqlite_schema"),
        ("ATTACH 'x' AS y", "no SELECT"),
        ("PRAGMA query_only = OFF", "no SELECT"),
    ],
}
REFUSED = [(kind, sql, words) for kind in KINDS for sql, words in [*EVERYWHERE, *BY_KIND[kind]]]

T = "timestamp '2024-03-05 14:07:09.123456'"
SAME = {
    "postgresql": [
        *(f"to_char({T}, '{text}')" for text in ("HH12:MI:SS AM", "DD Mon YYYY", "FMMonth FMDay", "IYYY-IW ID", "DY dy US MS")),
        *("10 / 3", "-7 % 3", "2 ^ 10", "5 # 3", "'a%c' LIKE 'a\\%c'", "'abc' ~* 'B'", "E'a\\nb\\\\c\\'d'", "$$it's \\ $$", "U&'d\\0061t'"),
        *("interval '1 month'", "interval '3' day", f"date_trunc('week', {T})", f"extract(epoch from {T})", f"date_part('doy', {T})"),
        *(
            f"{T} AT TIME ZONE 'Asia/Tokyo'",
            "'{\"a\":[1,2]}'::jsonb -> 'a' -> 1",
            "'{\"a\":1}'::jsonb ? 'a'",
            "'{\"a\":{\"b\":2}}'::jsonb #>> '{a,b}'",
        ),
        *(
            "ARRAY[1, 2] && ARRAY[2]",
            "(ARRAY[1, 2, 3])[2:3]",
            "5 = ANY(ARRAY[1, 5])",
            "round(2.5)",
            "1 IS DISTINCT FROM NULL",
            "'a' || NULL",
        ),
        *("regexp_replace('aXbX', 'X', '-', 'g')", "format('%s-%I', 'a', 'b c')", "substring('abcdef' FROM 2 FOR 3)", "(1, 2) < (1, 3)"),
        *("5::numeric(10,2)", "'abc'::char(5) || '|'", "'NaN'::float8", "b'101'", ".5", "'日本' || '😀'", "sum(1) FILTER (WHERE false)"),
    ],
    "mysql": [
        *(f"date_format({T}, '%{letter}')" for letter in "abcdefhijklmprsTuUvVwWxXyY%"),
        *(
            "str_to_date('05,3,2024', '%d,%m,%Y')",
            f"date_format({T}, '%Y-%m-%d %H:%i:%s')",
            f"{T} + INTERVAL '1 2' DAY_HOUR",
            f"monthname({T})",
        ),
        *("timestampdiff(month, '2024-01-31', '2024-03-01')", "timestampadd(week, 1, '2024-01-31')", f"extract(year_month from {T})"),
        *(
            "10 / 3",
            "10 DIV 3",
            "-7 MOD 3",
            "5 ^ 3",
            "1 || 0",
            "1 XOR 1",
            "NULL <=> NULL",
            "5--1",
            "0x41 + 0",
            "0x41",
            "b'1000001' + 0",
            "'a\\nb'",
        ),
        *("'it''s'", '"it\'s"', "'a%c' LIKE 'a\\%c'", "'abc' REGEXP 'B'", "'a' = 'A'", "'a' COLLATE utf8mb4_bin = 'A'", "_utf8mb4'é'"),
        *(
            "json_extract('{\"a\":[1,2]}', '$.a[1]')",
            "if(1 > 2, 'a', 'b')",
            "ifnull(NULL, 2)",
            "cast('5.55' AS decimal(10,1))",
            "'1' + '2'",
        ),
        *(
            "convert('a' USING latin1)",
            "substring_index('a.b.c', '.', 2)",
            "mid('abcdef', 2, 3)",
            "char_length('日本')",
            "format(12345.678, 2)",
        ),
    ],
    "sqlite": [
        *(
            "strftime('%Y-%m-%d %H:%M:%f %j %W %w %s %%', '2024-03-05 14:07:09.123')",
            "date('2024-01-31', '+1 month')",
            "julianday('2024-01-01')",
        ),
        *(
            "10 / 3",
            "-7 % 3",
            "'a' || 1",
            "1 IS NOT 2",
            "1 ISNULL",
            "1 NOT NULL",
            "1 == 1",
            "'a' LIKE 'A'",
            "'abc' GLOB 'a*'",
            "0x1F",
            "x'41'",
        ),
        *(
            "cast(5 AS numeric)",
            "cast('12abc' AS int)",
            "cast('abc' AS blob)",
            "typeof(cast(5 AS text))",
            "iif(1, 2, 3)",
            "substr('abc', -2)",
        ),
        *(
            "printf('%05.2f|%s|%%', 3.14159, 'a')",
            "'{\"a\":\"x\"}' ->> '$.a'",
            "'{\"a\":\"x\"}' -> 'a'",
            "json_group_array(1)",
            "max(1, 2)",
            "- -5",
        ),
    ],
}


@pytest.mark.parametrize(("kind", "sql", "words"), REFUSED)
def test_anything_but_a_harmless_select_is_refused(kind: str, sql: str, words: str) -> None:
    with pytest.raises(SqlRefused) as caught:
        checked_select(sql, kind)

    assert words in caught.value.message


@pytest.mark.parametrize("kind", KINDS)
def test_comments_are_dropped_and_calls_kept(kind: str) -> None:
    text = "/*! a */ SELECT o.a, Upper(b) AS c -- why\nFROM t AS o /* where */ WHERE o.a > 1;"

    assert checked_select(text, kind) == "SELECT o.a, Upper(b) AS c FROM t AS o WHERE o.a > 1"


def test_columns_may_have_the_names_of_functions() -> None:
    text = "SELECT t.lo_price, http_status, system FROM lineorder AS t"

    assert checked_select(text, "postgresql") == text


@pytest.mark.parametrize("kind", KINDS)
def test_writing_anew_changes_no_value(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    database = databases.make(kind, "view_sql", request, tmp_path)
    session = get_connector(kind).open(database.connection["properties"])

    def value(sql: str) -> str:
        doubled = sql.replace("%", "%%") if session.dialect.doubles_percent else sql
        return repr(list(next(iter(session.query(doubled, ()).batches))))

    try:
        for expression in SAME[kind]:
            sql = f"SELECT {expression} AS a"
            expected = value(sql).replace("(65.0,)", "(Decimal('65'),)")  # date_part is written as EXTRACT, which is exact
            assert (sql, value(checked_select(sql, kind))) == (sql, expected)
    finally:
        session.close()
