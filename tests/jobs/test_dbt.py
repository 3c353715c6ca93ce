"""The event that runs dbt: a command by its words, a profile without the password in it, its lines in the log, its end with the run."""

from __future__ import annotations

import json
import stat
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from apiserver.jobs import event_dbt, event_dbt_profiles, events
from apiserver.jobs.errors import JobError
from apiserver.jobs.models import EventRun
from connections.services import save_connection
from tests.jobs.event_runs import Following, running
from tests.jobs.replicated import Replicated, replicate_shop

# Stands for dbt: says what it was given, then does as the project says.
FAKE = """#!{python}
import json, os, pathlib, sys, time
place = pathlib.Path(sys.argv[sys.argv.index("--profiles-dir") + 1])
project = pathlib.Path(sys.argv[sys.argv.index("--project-dir") + 1])
told = {{"arguments": sys.argv[1:], "environment": dict(os.environ), "profile": (place / "profiles.yml").read_text()}}
(project / "told.json").write_text(json.dumps(told))
print("Running with dbt=1.10", flush=True)
kind = (project / "kind.txt").read_text() if (project / "kind.txt").exists() else ""
if kind == "fails":
    print("Database Error in model totals: relation is missing")
    sys.exit(1)
if kind == "lacks":
    print("Runtime Error: Could not find adapter type mariadb!")
    sys.exit(2)
if kind == "hangs":
    time.sleep(60)
print("09:00:01  ")
print("09:00:01  Done. PASS=1 WARN=0 ERROR=0 SKIP=0 TOTAL=1")
"""


@pytest.fixture
def shop(db: None, tmp_path: Path) -> Replicated:
    return replicate_shop(tmp_path)


@pytest.fixture
def project(tmp_path: Path, settings: Any) -> Path:
    """A dbt project in an allowed folder, and something that stands for dbt."""
    found = tmp_path / "projects" / "totals"
    found.mkdir(parents=True)
    (found / "dbt_project.yml").write_text("name: totals\nprofile: warehouse\n")
    (found / "profiles.yml").write_text("warehouse: {}\n")
    program = tmp_path / "dbt"
    program.write_text(FAKE.format(python=sys.executable))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    settings.DBT, settings.ALLOWED_FOLDERS = str(program), (tmp_path / "projects",)
    return found


def done(shop: Replicated, **given: Any) -> Following:
    """Do the event behind a run; return who followed it."""
    found = running(shop, {"dbt": {"project": "totals", **given}})
    events.plan(found.run)
    events.after(found)
    return found


def told(project: Path) -> dict[str, Any]:
    return dict(json.loads((project / "told.json").read_text()))


def test_dbt_is_called_by_words_and_its_lines_are_kept(shop: Replicated, project: Path) -> None:
    found = done(shop, command="build", select="tag:nightly orders+", exclude=["$(touch /tmp/x)"], target="prod", threads=2)

    said = told(project)
    assert said["arguments"][:2] == ["--no-use-colors", "build"]
    rest = ["--select", "tag:nightly", "orders+", "--exclude", "$(touch /tmp/x)", "--target", "prod", "--threads", "2"]
    assert said["arguments"][6:] == rest
    assert not [name for name in said["environment"] if name.startswith("APISERVER_")]
    assert found.lines == [
        "debug: dbt: Running with dbt=1.10",
        "debug: dbt: Done. PASS=1 WARN=0 ERROR=0 SKIP=0 TOTAL=1",
        "info: dbt build: dbt build ended well. Done. PASS=1 WARN=0 ERROR=0 SKIP=0 TOTAL=1",
    ]


def test_a_failure_is_told_with_its_line(shop: Replicated, project: Path) -> None:
    (project / "kind.txt").write_text("fails")

    with pytest.raises(events.EventFailed) as caught:
        done(shop)

    assert caught.value.message == "dbt run: dbt ended with exit code 1. Database Error in model totals: relation is missing"


def test_the_profile_of_a_postgresql_destination_holds_no_password(shop: Replicated, project: Path) -> None:
    (project / "profiles.yml").unlink()
    values = {"Server": "db.example", "Port": 5433, "User": "loader", "Password": "very secret", "Database": "wh", "UseSSL": "Verify"}
    shop.job.destination = save_connection(name="pg", connector="postgresql", values=values)
    shop.job.schema = "sales"

    done(shop)

    said = told(project)
    output = yaml.safe_load(said["profile"])["warehouse"]["outputs"]["apiserver"]
    assert (output["host"], output["port"], output["schema"], output["sslmode"]) == ("db.example", 5433, "sales", "verify-full")
    assert "very secret" not in said["profile"]
    assert said["environment"][event_dbt.PASSWORD] == "very secret"


def test_a_file_is_reached_by_the_adapter_for_it(shop: Replicated, project: Path, tmp_path: Path) -> None:
    (project / "profiles.yml").unlink()

    done(shop, threads=2)

    outputs = yaml.safe_load(told(project)["profile"])["warehouse"]["outputs"]["apiserver"]
    file = str(tmp_path / "copy.db")
    assert outputs == {
        "type": "sqlite",
        "database": "database",
        "schema": "main",
        "schemas_and_paths": {"main": file},
        "schema_directory": str(tmp_path),
        "threads": 2,
    }


@pytest.mark.parametrize(
    ("version", "kind"), [("11.4.2-MariaDB-ubu2404", "mariadb"), ("8.4.3", "mysql"), ("5.7.44-log", "mysql5"), ("10.11-mariadb", "mariadb")]
)
def test_mysql_and_mariadb_are_told_apart(shop: Replicated, monkeypatch: pytest.MonkeyPatch, version: str, kind: str) -> None:
    monkeypatch.setattr(event_dbt_profiles, "version_of", lambda destination: version)
    values = {"Server": "db", "Port": 3307, "User": "loader", "Password": "very secret", "Database": "wh", "UseSSL": "Off"}
    destination = save_connection(name="maria", connector="mysql", values=values)

    output = event_dbt_profiles.output_of(destination, values, "", None)

    assert (output["type"], output["server"], output["port"], output["schema"], output["ssl_disabled"]) == (kind, "db", 3307, "wh", True)
    assert "very secret" not in str(output)
    with pytest.raises(JobError, match="certificate"):
        event_dbt_profiles.output_of(destination, {**values, "UseSSL": "Verify"}, "", None)


def test_duckdb_is_reached_by_its_file(shop: Replicated, tmp_path: Path) -> None:
    destination = shop.job.destination
    destination.connector = "duckdb"

    output = event_dbt_profiles.output_of(destination, {"Database": "/data/wh.duckdb"}, "sales", None)

    assert output == {"type": "duckdb", "path": "/data/wh.duckdb", "schema": "sales", "threads": 4}


def test_a_destination_that_dbt_has_no_adapter_for_says_so(shop: Replicated) -> None:
    destination = shop.job.destination
    destination.connector = "bitbucket"

    with pytest.raises(JobError, match="no dbt adapter for destinations of the kind bitbucket"):
        event_dbt_profiles.output_of(destination, {}, "", None)


def test_an_adapter_that_is_not_installed_is_named(shop: Replicated, project: Path) -> None:
    (project / "kind.txt").write_text("lacks")

    with pytest.raises(events.EventFailed) as caught:
        done(shop)

    assert (caught.value.message, caught.value.hint) == (
        "dbt run: dbt has no adapter mariadb.",
        "Run: pip install dbt-mysql, where dbt is installed.",
    )


def test_a_project_outside_of_the_allowed_folders_is_none(shop: Replicated, project: Path) -> None:
    outside = project.parent.parent / "outside"
    outside.mkdir()
    (outside / "dbt_project.yml").write_text("name: x\n")
    (project.parent / "link").symlink_to(outside)

    for name in (str(outside), "../outside", "link", "nothing"):
        with pytest.raises(events.EventFailed, match="There is no dbt project"):
            done(shop, project=name)
        EventRun.objects.all().delete()
        shop.job.runs.update(state="done")


def test_dbt_that_is_not_installed_says_how_to(shop: Replicated, project: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.DBT = ""
    monkeypatch.setenv("PATH", str(project))
    monkeypatch.setattr(sys, "executable", str(project / "python"))

    with pytest.raises(events.EventFailed) as caught:
        done(shop)

    assert (caught.value.message, "pip install dbt-core" in caught.value.hint) == ("dbt run: dbt is not installed.", True)


def test_dbt_ends_with_the_run(shop: Replicated, project: Path) -> None:
    (project / "kind.txt").write_text("hangs")
    found = running(shop, {"dbt": {"project": "totals"}})
    events.plan(found.run)

    def cancel() -> None:
        while not (project / "told.json").exists():
            time.sleep(0.05)
        found.reason = KeyError("cancelled")

    threading.Thread(target=cancel, daemon=True).start()
    with pytest.raises(KeyError):
        events.after(found)

    assert not alive(str(project))


def test_dbt_that_takes_too_long_is_ended(shop: Replicated, project: Path) -> None:
    (project / "kind.txt").write_text("hangs")

    with pytest.raises(events.EventFailed, match="dbt did not end within 1 s"):
        done(shop, seconds=1)

    assert not alive(str(project))


def alive(words: str) -> bool:
    """Claim that a process with these words in its command line still runs."""
    for number in (place.name for place in Path("/proc").iterdir() if place.name.isdecimal()):
        try:
            command = Path("/proc", number, "cmdline").read_bytes()
        except OSError:
            continue
        if words.encode() in command:
            return True
    return False
