"""A folder's files in one table: new and changed ones are loaded, each once."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from apiserver.jobs import starting
from apiserver.jobs.claiming import claim
from apiserver.jobs.errors import InvalidJob
from apiserver.jobs.models import DONE, Job, Run
from apiserver.jobs.running import carry_out
from apiserver.jobs.under_way import Running
from connections.models import Connection
from tests.jobs.conftest import NOW, Make


def write(folder: Path, name: str, *lines: str) -> None:
    """Write a file that differs from the one before also in its time."""
    path = folder / name
    before = path.stat().st_mtime if path.exists() else 1_700_000_000
    path.write_text("\n".join(("id,name", *lines)) + "\n")
    os.utime(path, (before + 5, before + 5))


def ran(job: Job) -> tuple[str, list[str], int]:
    """Return how a run of the job ended, what it loaded, and the rows that it wrote."""
    run = starting.start(job, reason="button", now=NOW)
    assert claim(run, now=NOW)
    carry_out(Running(run))
    run = Run.objects.get(pk=run.pk)
    return run.state + run.cause, [item.title for item in run.tasks.all()], run.rows


def rows(path: Path) -> list[Any]:
    """Return what was loaded."""
    with closing(sqlite3.connect(path)) as database:
        return database.execute("SELECT FileName, id, name FROM people ORDER BY FileName, RowNumber").fetchall()


def test_only_new_and_changed_files_are_loaded(make: Make, tmp_path: Path, settings: Any) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (tmp_path / "copy.db").touch()
    settings.ALLOWED_FOLDERS = (folder,)
    write(folder, "a.csv", "1,Ann", "2,Bob")
    write(folder, "b.csv", "3,Cid")
    write(folder, "tmp.csv", "9,Zoe")
    files = Connection.objects.create(name="files", connector="files", properties={"URI": str(folder)})
    job = make("REPLICATE [people]", source=files, kind="load_folder", exclude=["tmp*"])

    assert ran(job) == (DONE, ["people: a.csv", "people: b.csv"], 3)
    assert ran(job) == (DONE, [], 0)
    write(folder, "b.csv", "3,Cid", "4,Dan")
    write(folder, "c.csv", "5,Eve")
    assert ran(job) == (DONE, ["people: b.csv", "people: c.csv"], 4)

    assert rows(tmp_path / "copy.db") == [
        *(("a.csv", 1, "Ann"), ("a.csv", 2, "Bob")),
        *(("b.csv", 3, "Cid"), ("b.csv", 4, "Dan"), ("c.csv", 5, "Eve")),
    ]
    starting.reset(job.tasks.get(), who="admin")
    assert ran(job)[1] == ["people: a.csv", "people: b.csv", "people: c.csv"]
    assert len(rows(tmp_path / "copy.db")) == 5


def test_folder_is_loaded_whole(make: Make, tmp_path: Path) -> None:
    files = Connection.objects.create(name="files", connector="files", properties={"URI": str(tmp_path)})

    with pytest.raises(InvalidJob, match="loaded whole"):
        make("REPLICATE [people] SELECT [id] FROM [a.csv]", source=files, kind="load_folder")
    with pytest.raises(InvalidJob, match="no folder"):
        make("REPLICATE [people]", kind="load_folder")
