"""Files of the replaced products: what becomes of each thing in them, without a server. Formats as their documentation shows them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from apiserver.jobs.importing.files import MOST_BYTES, Wishes, found_in
from apiserver.jobs.importing.found import DIFFERENT, LEFT, TAKEN, Found, Unreadable
from apiserver.jobs.importing.records import five_fields
from apiserver.jobs.importing.statements import statements
from apiserver.jobs.importing.strings import connected, connector_of

COMMAND_LINE = b"""<?xml version="1.0" encoding="UTF-8" ?>
<CDataSync>
  <DatabaseType>SQLite</DatabaseType>
  <DatabaseProvider>System.Data.SQLite</DatabaseProvider>
  <ConnectionString>Workspace=acme;Schema=Information;InitiateOAuth=GETANDREFRESH;</ConnectionString>
  <ReplicateAll>False</ReplicateAll>
  <NotificationUserName></NotificationUserName>
  <DatabaseConnectionString>Data Source=C:\\my.db</DatabaseConnectionString>
  <TaskSchedulerStartTime>09:51</TaskSchedulerStartTime>
  <TaskSchedulerInterval>Daily</TaskSchedulerInterval>
</CDataSync>"""
TABLE = b"""<api:script xmlns:api="http://apiscript.com/ns?v1" xmlns:xs="http://www.w3.org/2001/XMLSchema">
  <api:info title="case" description="Open cases" connection="SQLiteCars">
    <attr name="Id" xs:type="int" readonly="True" key="True" />
    <attr name="Type" alias="APIsType" xs:type="string" columnsize="40" readonly="True" key="False" />
    <attr name="Note" xs:type="string" desc="What was said" />
  </api:info>
</api:script>"""
JOB = {
    "JobId": "1",
    "JobName": "Nightly",
    "Source": "bitbucket",
    "Destination": "warehouse",
    "Scheduled": "true",
    "ScheduledCron": "0 0/10 * * * ?",
    "TableNamePrefix": "bb_",
    "CacheSchema": "raw",
    "BatchSize": "0",
    "SendEmailNotification": "true",
    "NotifyEmailTo": "desk@example.com; boss@example.com",
    "EmailErrorOnly": "true",
    "PostJob": "<api:set/>",
    "Query#1": "REPLICATE [Issues]",
    "Query#2": "REPLICATE [Late] SELECT [Id], 'a;b' AS [x] FROM [Issues]; -- the end",
}


def read(*files: tuple[str, Any], wishes: Wishes | None = None) -> Found:
    given = [(name, content if isinstance(content, bytes) else json.dumps(content).encode()) for name, content in files]
    return found_in(given, wishes or Wishes())


def texts(found: Found, outcome: str) -> list[str]:
    return [note.text for note in found.notes if note.outcome == outcome]


def test_command_line_file_becomes_two_connections_and_a_job_whose_statements_stand_beside_it() -> None:
    found = read(("bb.xml", COMMAND_LINE), ("all.sql", b"-- both\nREPLICATE [Issues];\n/* ; */ REPLICATE [Repositories];"))

    assert found.entries["connections"] == {
        "bb_source": {"connector": "bitbucket", "properties": {"Workspace": "acme", "Schema": "Information"}},
        "bb_destination": {"connector": "sqlite", "properties": {"Database": "C:\\my.db"}},
    }
    assert found.entries["jobs"] == {
        "bb": {
            "tasks": ["REPLICATE [Issues]", "REPLICATE [Repositories]"],
            "source": "bb_source",
            "destination": "bb_destination",
            "schedule": "51 9 * * *",
            "paused": True,
        }
    }
    assert any("connect anew" in text for text in texts(found, DIFFERENT))


def test_table_becomes_a_resource_named_by_its_file() -> None:
    found = read(("Open cases.rsd", TABLE))

    assert found.entries["resources"] == {
        "Open_cases": {
            "connection": "SQLiteCars",
            "table": "case",
            "description": "Open cases",
            "columns": {"Id": {}, "Type": {"name": "APIsType", "read_only": True}, "Note": {"description": "What was said"}},
            "key": ["Id"],
        }
    }


def test_table_without_declared_prefixes_is_read_as_the_documentation_prints_it() -> None:
    found = read(("x.rsd", b'<api:info title="t" connection="c"><attr name="a" xs:type="int"/></api:info>'))

    assert found.entries["resources"]["x"] == {"connection": "c", "table": "t", "columns": {"a": {}}}


def test_settings_and_connections_of_cfg_files() -> None:
    text = """[Application]
AllowAuthtokenInURL = true
SessionTimeout = 5
[crm]
Provider = CData.PostgreSQL
ConnectionString = Server=db;Port=5433;User Id=me;Password="a;b""c";Database=x;Weird=3
"""

    found = read(("settings.cfg", text.encode("utf-16")))

    assert found.entries["server"][""] == {"allow_authtoken_in_url": True}
    properties = {"Server": "db", "Port": "5433", "User": "me", "Password": 'a;b"c', "Database": "x"}
    assert found.entries["connections"] == {"crm": {"connector": "postgresql", "properties": properties}}
    assert texts(found, DIFFERENT) == ["Properties that postgresql has not here: Weird."]
    assert "sessiontimeout of [Application] has no counterpart in the settings." in texts(found, LEFT)
    assert not any('a;b"c' in note.text for note in found.notes)


def test_job_of_the_rest_api_brings_schedule_mail_and_statements() -> None:
    found = read(("jobs.json", {"value": [JOB]}), ("tasks.json", [{"TaskId": "7", "JobName": "Nightly", "Query": "", "Table": "Users"}]))

    assert found.entries["jobs"]["Nightly"] == {
        "source": "bitbucket",
        "destination": "warehouse",
        "schema": "raw",
        "table_prefix": "bb_",
        "schedule": "0/10 * * * ?",
        "paused": True,
        "notify": {"on": "errors", "to": ["desk@example.com", "boss@example.com"]},
        "tasks": ["REPLICATE [Issues]", "REPLICATE [Late] SELECT [Id], 'a;b' AS [x] FROM [Issues]", "REPLICATE [Users]"],
    }
    assert any("What happens after a run is a script" in text for text in texts(found, LEFT))


@pytest.mark.parametrize("kind, expected", [("ReplicateAll", "all_tables"), ("LoadFolder", "load_folder")])
def test_kinds_of_jobs(kind: str, expected: str) -> None:
    found = read(("job.json", {"jobName": "j", "source": "a", "destination": "b", "type": kind, "exclude": "log, tmp"}))

    assert found.entries["jobs"]["j"]["kind"] == expected
    assert found.entries["jobs"]["j"]["exclude"] == ["log", "tmp"]


def test_statement_that_is_none_is_left_with_its_place() -> None:
    found = read(
        ("all.sql", b"REPLICATE [A];\nSELECT 1;\nREPLICATE [B] WITH Drop;"), wishes=Wishes(source="s", destination="d", job="nightly")
    )

    assert found.entries["jobs"] == {"nightly": {"tasks": ["REPLICATE [A]"], "source": "s", "destination": "d"}}
    assert [text[:17] for text in texts(found, LEFT)] == ["Line 2, column 1:", "Line 3, column 20"]


def test_entities_and_document_types_are_refused() -> None:
    found = read(
        ("a.xml", b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><CDataSync><ConnectionString>&x;</ConnectionString></CDataSync>')
    )

    assert not found.entries["connections"]
    assert texts(found, LEFT) == ["The XML declares a document type: take it out."]


@pytest.mark.parametrize(
    "name, raw",
    [
        ("a.xml", b"<a>" * 60),
        ("a.xml", b"<a/>" * 2),
        ("a.json", b"[" * 100_000),
        ("a.json", b"{"),
        ("a.cfg", b"no section"),
        ("a.sql", b"REPLICATE [A"),
        ("a.sql", b"\xff\x00\x80"),
        ("a.rsb", b"<x/>"),
        ("a.json", b"[1, null, {}]"),
        ("a.cfg", b"[x]\ny=1"),
        ("a.sql", b" " * (MOST_BYTES + 1)),
        ("a.sql", b""),
        ("a.rsd", b""),
        ("a.xml", b'<?xml version="1.0" encoding="klingon"?><a/>'),
    ],
)
def test_what_is_not_understood_is_said(name: str, raw: bytes) -> None:
    found = read((name, raw))

    assert all(not entries for entries in found.entries.values())
    assert len(texts(found, LEFT)) == 1
    assert not texts(found, TAKEN)


@pytest.mark.parametrize(
    "provider, connector",
    [
        ("CData.PostgreSQL", "postgresql"),
        ("System.Data.CData.MySQL", "mysql"),
        ("org.sqlite.JDBC", "sqlite"),
        ("SQL Server", "sqlserver"),
        ("GoogleBigQuery", "bigquery"),
        ("CData ADO.NET Provider for Salesforce", ""),
    ],
)
def test_providers(provider: str, connector: str) -> None:
    assert connector_of(provider) == connector


def test_connection_strings_by_prefix_and_by_what_tells_them_apart() -> None:
    assert connected("jdbc:bitbucket:Workspace=acme;").connector == "bitbucket"
    assert connected("LiveAPIKey=sk_1;").properties == {"LiveAPIKey": "sk_1"}
    with pytest.raises(Unreadable, match="Nothing says"):
        connected("Server=a;")
    with pytest.raises(Unreadable) as caught:
        connected("Password=secret;=x", "mysql")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "given, expected",
    [
        ("*/5 * * * *", "*/5 * * * *"),
        ("0 0 6 ? * 2-6", "0 6 ? * 1-5"),
        ("0 15 10 ? * 6#3 2026", "15 10 ? * 5#3"),
        ("0 0 0 L * ?", "0 0 L * ?"),
    ],
)
def test_schedules_lose_seconds_and_year(given: str, expected: str) -> None:
    assert five_fields(given) == expected


def test_semicolons_and_comments_within_statements_separate_nothing() -> None:
    found = statements("REPLICATE [a;b] /* ; */ SELECT ';' AS [x] FROM [t]; -- ;\n;REPLICATE [c]")

    assert [(item.text, item.line) for item in found] == [("REPLICATE [a;b] /* ; */ SELECT ';' AS [x] FROM [t]", 1), ("REPLICATE [c]", 2)]
