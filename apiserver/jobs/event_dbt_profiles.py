"""The profile by which dbt reaches a destination, where its project brings none: an output of the adapter that dbt has for it.

https://docs.getdbt.com/docs/supported-data-platforms
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from apiserver.jobs.errors import JobError
from connections.models import Connection
from connections.services import session_for

PASSWORD = "DBT_ENV_SECRET_APISERVER_PASSWORD"  # noqa: S105 - a name: dbt keeps values of such variables out of its own log
TLS_MODES = {"Off": "disable", "Verify": "verify-full", "TrustAnyCertificate": "require"}
THREADS = 4
OWN_PROFILE = "Put a profiles.yml into the project."
ADAPTERS = {"postgresql": "dbt-postgres", "mysql": "dbt-mysql", "sqlite": "dbt-sqlite", "duckdb": "dbt-duckdb"}


def output_of(destination: Connection, values: Mapping[str, Any], schema: str, threads: int | None) -> dict[str, Any]:
    """Return the output of a profile, its password as a variable; raise JobError where dbt has no adapter, or not this way there."""
    make = OUTPUTS.get(destination.connector)
    if make is None:
        raise JobError(
            f"There is no dbt adapter for destinations of the kind {destination.connector}.",
            hint=f"{OWN_PROFILE} Known are {', '.join(sorted(OUTPUTS))}.",
        )
    if values.get("UseSSH"):
        raise JobError("dbt can't go through an SSH tunnel.", hint=OWN_PROFILE)
    return make(destination, values, schema) | {"threads": threads or (1 if destination.connector == "sqlite" else THREADS)}


def variable() -> str:
    """Return what dbt reads as the password."""
    return f"{{{{ env_var('{PASSWORD}') }}}}"


def postgresql(_destination: Connection, values: Mapping[str, Any], schema: str) -> dict[str, Any]:
    """Return the output of dbt-postgres."""
    return {
        "type": "postgres",
        "host": values["Server"],
        "port": int(values["Port"]),
        "user": values["User"],
        "password": variable(),
        "dbname": values["Database"],
        "schema": schema or "public",
        "sslmode": TLS_MODES.get(str(values.get("UseSSL", "Off")), "prefer"),
    }


def mysql(destination: Connection, values: Mapping[str, Any], schema: str) -> dict[str, Any]:
    """Return the output of dbt-mysql, whose types tell MySQL and MariaDB apart; what it calls schema is the database."""
    if values.get("UseSSL") == "Verify":
        raise JobError("dbt-mysql can't be told to check the server's certificate by a profile made here.", hint=OWN_PROFILE)
    version = version_of(destination)
    kind = "mariadb" if "mariadb" in version.lower() else "mysql5" if version.startswith("5.") else "mysql"
    return {
        "type": kind,
        "server": values["Server"],
        "port": int(values["Port"]),
        "username": values["User"],
        "password": variable(),
        "schema": schema or values["Database"],
        "ssl_disabled": str(values.get("UseSSL", "Off")) == "Off",
    }


def version_of(destination: Connection) -> str:
    """Return what the server says of itself."""
    result = session_for(destination.pk).query("SELECT VERSION()", ())
    try:
        return str(next(row[0] for batch in result.batches for row in batch))
    finally:
        result.close()


def sqlite(_destination: Connection, values: Mapping[str, Any], schema: str) -> dict[str, Any]:
    """Return the output of dbt-sqlite: the file is the schema main, others would be files beside it."""
    path = str(values["Database"])
    main = schema or "main"
    return {
        "type": "sqlite",
        "database": "database",
        "schema": main,
        "schemas_and_paths": {main: path},
        "schema_directory": str(Path(path).parent),
    }


def duckdb(_destination: Connection, values: Mapping[str, Any], schema: str) -> dict[str, Any]:
    """Return the output of dbt-duckdb."""
    return {"type": "duckdb", "path": str(values["Database"]), "schema": schema or "main"}


OUTPUTS: dict[str, Callable[[Connection, Mapping[str, Any], str], dict[str, Any]]] = {
    "postgresql": postgresql,
    "mysql": mysql,
    "sqlite": sqlite,
    "duckdb": duckdb,
}
