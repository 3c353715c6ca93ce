"""What the SQL of a derived view may not name: functions and tables that reach files, other servers, settings, locks or secrets."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Forbidden:
    """Patterns over lower-case names of one database, and the schemas that are its own."""

    schemas: frozenset[str]
    tables: re.Pattern[str]
    functions: re.Pattern[str]
    allowed: re.Pattern[str] = re.compile(r"(?!)")  # functions that the pattern before goes too far for


FORBIDDEN = {
    "postgresql": Forbidden(
        schemas=frozenset({"pg_catalog", "information_schema", "pg_toast"}),
        tables=re.compile(r"pg_.*"),
        functions=re.compile(
            r"pg_.*|dblink.*|lo_.*|lo(read|write)|set_config|current_setting|current_query|(query|table|cursor|schema|database)_to_xml.*"
            r"|(next|set|curr|last)val|ts_stat|ts_rewrite|crosstab.*|connectby|xpath_table|txid_.*|inet_(client|server)_.*|binary_upgrade_.*"
            r"|postgres_fdw_.*|file_fdw_.*|http(_.*)?|brin_.*|gin_.*|currtid.*|aws_.*|dbms_.*|utl_.*|exec|execute|system"
        ),
        allowed=re.compile(r"pg_(typeof|column_size|size_pretty)"),
    ),
    "mysql": Forbidden(
        schemas=frozenset({"mysql", "sys", "information_schema", "performance_schema"}),
        tables=re.compile(r"(?!)"),
        functions=re.compile(
            r"load_.*|sleep|benchmark|(get|release)_lock|release_all_locks|is_(free|used)_lock|(master|source)_.*wait.*|wait_.*|gtid_.*"
            r"|sys_.*|(next|set|last)val|last_insert_id|group_replication_.*|asynchronous_connection_.*|keyring_.*|service_.*"
            r"|version_tokens_.*|mysql_.*|spider_.*|audit_.*|flush_.*|http_.*|set_.*|ps_.*|statement_.*"
        ),
    ),
    "sqlite": Forbidden(
        schemas=frozenset({"temp"}),
        tables=re.compile(r"sqlite_.*|pragma_.*|dbstat"),
        functions=re.compile(
            r"load_extension|fts3_tokenizer|readfile|writefile|edit|fsdir|lsdir|zipfile|shell|bytecode|tables_used|sqlite_.*|pragma_.*|api_.*"
        ),
    ),
}
