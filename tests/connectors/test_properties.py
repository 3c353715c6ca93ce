"""Properties: cleaning, pasted addresses, the registry, what reaches the product's own data, test steps, documents."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from connections.connectors import testing
from connections.connectors.registry import connector_keys, get_connector
from connections.contract.errors import InvalidProperties
from tests.connectors.conftest import Source

DOCS = Path(__file__).parents[2] / "docs" / "connectors"


def test_every_connector_is_known_and_made_once() -> None:
    assert {"mysql", "postgresql", "sqlite"} <= set(connector_keys())
    assert get_connector("postgresql") is get_connector("postgresql")
    with pytest.raises(InvalidProperties, match="did you mean postgresql"):
        get_connector("postgres")


@pytest.mark.parametrize("key", ["mysql", "openapi", "postgresql", "sqlite"])
def test_every_property_is_documented(key: str) -> None:
    text = (DOCS / f"{key}.md").read_text()

    assert [item.name for item in get_connector(key).properties if f"`{item.name}`" not in text] == []


def test_defaults_are_those_users_know() -> None:
    found = get_connector("postgresql").clean({})

    assert {name: found[name] for name in ("Server", "Port", "AuthScheme", "UseSSL", "TimeZone", "Timeout", "MaxConnections")} == {
        "Server": "localhost",
        "Port": 5432,
        "AuthScheme": "Password",
        "UseSSL": "Off",
        "TimeZone": "UTC",
        "Timeout": 30,
        "MaxConnections": 10,
    }


@pytest.mark.parametrize(
    ("key", "values", "name", "part"),
    [
        ("postgresql", {"Sever": "x"}, "Sever", "did you mean Server?"),
        ("postgresql", {"Port": "70000"}, "Port", "between 1 and 65535"),
        ("postgresql", {"Port": "x"}, "Port", "whole number"),
        ("postgresql", {"UseSSL": "maybe"}, "UseSSL", "one of Off"),
        ("postgresql", {"TimeZone": "Mars/Base"}, "TimeZone", "Asia/Tokyo"),
        ("postgresql", {"TimeZone": "../etc/passwd"}, "TimeZone", "Asia/Tokyo"),
        ("postgresql", {"Server": "/var/run/postgresql"}, "Server", "one host"),
        ("postgresql", {"Server": "a,b"}, "Server", "one host"),
        ("mysql", {"Password": "a\0b"}, "Password", "NUL"),
        ("mysql", {"UseSSH": True, "SSHTrustAnyServer": True}, "SSHServer", "one host"),
        ("sqlite", {}, "Database", "required"),
    ],
)
def test_wrong_properties_are_named(key: str, values: dict[str, Any], name: str, part: str) -> None:
    with pytest.raises(InvalidProperties) as caught:
        get_connector(key).clean(values)

    assert part in caught.value.errors[name]


@pytest.mark.parametrize(
    ("key", "url", "expected"),
    [
        (
            "postgresql",
            "postgres://me:p%40ss@db.example.com:6543/shop?sslmode=require",
            {
                "Server": "db.example.com",
                "Port": 6543,
                "User": "me",
                "Password": "p@ss",
                "Database": "shop",
                "UseSSL": "TrustAnyCertificate",
            },
        ),
        ("postgresql", " postgresql://[::1]/shop?sslmode=verify-full", {"Server": "::1", "Database": "shop", "UseSSL": "Verify"}),
        (
            "postgresql",
            "jdbc:postgresql://h:1/d?user=u&password=p",
            {"Server": "h", "Port": 1, "Database": "d", "User": "u", "Password": "p"},
        ),
        ("mysql", "mariadb://root@localhost/shop", {"Server": "localhost", "User": "root", "Database": "shop"}),
        ("mysql", "mysql+pymysql://h", {"Server": "h"}),
        ("sqlite", "sqlite:///data/shop.db", {"Database": "/data/shop.db"}),
        ("sqlite", "sqlite:////data/my%20shop.db", {"Database": "/data/my shop.db"}),
        ("sqlite", "sqlite:///C:/data/shop.db", {"Database": "C:/data/shop.db"}),
    ],
)
def test_pasted_addresses_fill_the_form(key: str, url: str, expected: dict[str, Any]) -> None:
    assert get_connector(key).from_url(url) == expected


@pytest.mark.parametrize("url", ["postgres://me:secret/x@host/db", "mysql://host", "postgres://", "nonsense", "postgres://h:99999/"])
def test_wrong_addresses_are_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(InvalidProperties) as caught:
        get_connector("postgresql").from_url(url)

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("values", "own", "is_forbidden"),
    [
        ({"Server": "localhost", "Database": "api"}, "postgresql:127.0.0.1:5432/api", True),
        ({"Server": "::1", "Database": "api"}, "postgresql:localhost:5432/api", True),
        ({"Server": "0.0.0.0", "Database": "api"}, "postgresql:localhost:5432/api", True),
        ({"Server": socket.gethostname(), "Database": "api"}, "postgresql:localhost:5432/api", True),
        ({"Server": "localhost", "User": "api"}, "postgresql:localhost:5432/api", True),
        ({"Server": "localhost", "Database": "shop"}, "postgresql:localhost:5432/api", False),
        ({"Server": "localhost", "Port": 5433, "Database": "api"}, "postgresql:localhost:5432/api", False),
        ({"Server": "198.51.100.7", "Database": "api"}, "postgresql:localhost:5432/api", False),
        ({"Server": "localhost", "Port": 6379}, "redis:127.0.0.1:6379", True),
        (
            {"Server": "db", "Database": "api", "UseSSH": True, "SSHServer": "localhost", "SSHTrustAnyServer": True},
            "postgresql:localhost:5432/api",
            True,
        ),
    ],
)
def test_own_database_is_forbidden(values: dict[str, Any], own: str, is_forbidden: bool) -> None:
    connector = get_connector("postgresql")

    assert bool(connector.forbidden(connector.clean(values), ["sqlite:/nowhere", own])) is is_forbidden


def test_own_file_is_forbidden_under_every_name(tmp_path: Path) -> None:
    connector = get_connector("sqlite")
    own, link, other = tmp_path / "own.db", tmp_path / "link.db", tmp_path / "other.db"
    own.touch()
    other.touch()
    link.symlink_to(own)

    found = [
        bool(connector.forbidden({"Database": str(path)}, [f"sqlite:{own}"])) for path in (own, link, tmp_path / "." / "own.db", other)
    ]

    assert found == [True, True, True, False]


def test_steps_name_what_was_done(source: Source) -> None:
    steps = source.connector.test(source.properties())

    names = ["resolve", "connect", "list_tables"] if source.kind == "sqlite" else ["resolve", "connect", "sign_in", "list_tables"]
    assert [step.name for step in steps] == names
    assert all(step.ok and step.message and step.seconds >= 0 for step in steps)


@pytest.mark.parametrize("source", ["postgresql", "mysql"], indirect=True)
@pytest.mark.parametrize(
    ("changed", "name", "part"),
    [
        ({"Server": "no-such-host.invalid"}, "resolve", "can't be resolved"),
        ({"Port": 1}, "connect", "refused"),
        ({"Database": "no_such_database"}, "sign_in", "does not exist"),
        ({"User": "no_such_user", "Password": "hidden"}, "sign_in", "refused user or password"),
    ],
)
def test_failed_step_says_what_to_try(source: Source, changed: dict[str, Any], name: str, part: str) -> None:
    steps = source.connector.test(source.properties(**changed))

    assert (steps[-1].name, steps[-1].ok) == (name, False)
    assert part in steps[-1].message
    assert steps[-1].hint
    assert "hidden" not in repr(steps)


def test_file_that_is_no_database_fails_at_connect(tmp_path: Path) -> None:
    connector = get_connector("sqlite")
    path = tmp_path / "text.db"
    path.write_text("not a database" * 100)

    steps = connector.test(connector.clean({"Database": str(path)}))
    missing = connector.test(connector.clean({"Database": str(tmp_path / "none.db")}))

    assert (steps[-1].name, steps[-1].ok, steps[-1].message) == ("connect", False, "The file is no SQLite database.")
    assert (missing[-1].name, missing[-1].ok) == ("resolve", False)


def test_test_ends_in_time_against_a_server_that_never_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(testing, "TEST_SECONDS", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        connector = get_connector("mysql")
        values = connector.clean({"Server": "127.0.0.1", "Port": silent.getsockname()[1], "ConnectTimeout": 3})

        steps = connector.test(values)

    assert (steps[-1].name, steps[-1].ok) == ("sign_in", False)
    assert "did not end" in steps[-1].message
