"""Files of the replaced products become part of the configuration: tried first, entry by entry, by command and page."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client

from apiserver.jobs.models import Job
from apiserver.resources.models import Resource
from apiserver.server.models import Audit
from connections.models import Connection
from tests import databases
from users.models import User

pytestmark = pytest.mark.django_db
SECRET = "p;w-s3cret"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of files as users have them."""
    databases.shop(tmp_path / "shop.db")
    found = tmp_path / "files"
    found.mkdir()
    (found / "settings.cfg").write_text(
        f"[Application]\nFoo=1\n[shop]\nProvider=SQLite\nConnectionString=Data Source={tmp_path / 'shop.db'}\n"
        f'[warehouse]\nProvider=PostgreSQL\nConnectionString=Server=db;User=me;Password="{SECRET}";Database=x\n'
    )
    job = {"JobName": "Nightly", "Source": "shop", "Destination": "warehouse", "ScheduledCron": "0 0 6 * * ?", "DropTable": "true"}
    job |= {"Query#1": "REPLICATE [Orders]", "Query#2": "REPLICATE [orders] SELECT [Id] FROM [Orders]", "Query#3": "REPLICATE [ORDERS]"}
    (found / "jobs.json").write_text(json.dumps({"value": [job, {"JobName": "Lost", "Source": "gone", "Destination": "warehouse"}]}))
    (found / "Bought.rsd").write_text(
        '<api:info title="Orders" connection="shop"><attr name="Id" key="True"/><attr name="Note" alias="Text"/></api:info>'
    )
    return found


def run(*arguments: str) -> tuple[int, dict[str, Any]]:
    out = StringIO()
    with pytest.raises(SystemExit) as end:
        call_command("job", "import", *arguments, "--json", stdout=out, stderr=StringIO())
    assert SECRET not in out.getvalue()
    return int(str(end.value.code)), json.loads(out.getvalue())


def test_command_tries_first_then_takes_over_what_it_can(folder: Path) -> None:
    code, tried = run(str(folder))
    assert (code, tried["applied"], Connection.objects.count(), Audit.objects.count()) == (2, False, 0, 0)

    code, told = run(str(folder), "--apply")

    assert (code, told["left"], told["created"]) == (2, ["jobs/Lost"], tried["created"])
    assert told["created"] == ["connections/shop", "connections/warehouse", "resources/Bought", "jobs/Nightly"]
    job = Job.objects.get()
    assert (job.schedule, job.paused, job.settings, [task.statement for task in job.tasks.all()]) == (
        "0 6 * * ?",
        True,
        {"always_full": "drop"},
        ["REPLICATE [Orders]", "REPLICATE [orders] SELECT [Id] FROM [Orders]", "REPLICATE [ORDERS]"],
    )
    assert [Resource.objects.get().key, Resource.objects.get().columns] == [["Id"], {"Id": {}, "Note": {"name": "Text"}}]
    assert Audit.objects.filter(action="definitions taken over", who="manage.py").exists()


def test_what_exists_stays_unless_overwritten(folder: Path) -> None:
    run(str(folder), "--apply")
    Job.objects.update(schedule="")

    _, stays = run(str(folder), "--apply")
    assert (stays["created"], stays["updated"], Job.objects.get().schedule) == ([], [], "")
    _, told = run(str(folder), "--apply", "--overwrite")
    assert (told["updated"], Job.objects.get().schedule) == (["jobs/Nightly"], "0 6 * * ?")


def test_tasks_that_can_not_be_are_left_and_stop_no_other(folder: Path, tmp_path: Path) -> None:
    (folder / "jobs.json").unlink()
    (folder / "all.sql").write_text("REPLICATE [Orders];\nREPLICATE [Orders] SELECT [Id] FROM [Orders];\nSELECT 1;")

    _, told = run(str(folder), "--apply", "--source", "shop", "--destination", "warehouse", "--job", "everything")

    said = [note["text"] for note in told["notes"] if note["subject"] == "jobs/everything" and note["outcome"] == "left"]
    assert [task.statement for task in Job.objects.get(name="everything").tasks.all()] == ["REPLICATE [Orders]"]
    assert len(said) == 2 and "Another task of this job writes the table" in said[0] + said[1]


def test_output_is_a_configuration_file_without_secrets(folder: Path, tmp_path: Path) -> None:
    run(str(folder), "--output", str(tmp_path / "out.yaml"))

    data = yaml.safe_load((tmp_path / "out.yaml").read_text())
    assert data["connections"]["warehouse"]["properties"]["Password"] == {"env": "APISERVER_SECRET_CONNECTIONS_WAREHOUSE_PASSWORD"}
    assert list(data) == ["connections", "resources", "jobs"]


@pytest.fixture
def browser(db: None) -> Client:
    found = Client()
    found.force_login(User.objects.create_user("ada", "a long pass phrase", role="admin"))
    return found


def chosen(folder: Path) -> list[SimpleUploadedFile]:
    return [SimpleUploadedFile(path.name, path.read_bytes()) for path in sorted(folder.iterdir())]


def test_page_shows_first_and_takes_over_what_was_confirmed(folder: Path, browser: Client) -> None:
    shown = browser.post("/console/jobs/import", {"file": chosen(folder)})
    form = shown.context["sealed"]

    assert (shown.status_code, SECRET in shown.content.decode(), SECRET in form, Connection.objects.count()) == (200, False, False, 0)
    assert "Nothing was changed yet." in shown.content.decode()
    done = browser.post("/console/jobs/import", {"sealed": form, "apply": "1"})
    assert (done.status_code, Job.objects.get().name) == (200, "Nightly")
    assert Audit.objects.filter(action="definitions taken over", who="ada").exists()


def test_page_takes_nothing_of_another_person_or_without_files(folder: Path, browser: Client) -> None:
    form = browser.post("/console/jobs/import", {"file": chosen(folder)}).context["sealed"]
    other = Client()
    other.force_login(User.objects.create_user("eve", "a long pass phrase", role="admin"))
    operator = Client()
    operator.force_login(User.objects.create_user("olga", "a long pass phrase", role="operator"))

    for given in ({"sealed": form, "apply": "1"}, {"sealed": "x", "apply": "1"}, {}):
        assert "Choose a file first." in other.post("/console/jobs/import", given).content.decode()
    assert operator.get("/console/jobs/import").status_code == 403
    assert Connection.objects.count() == 0


def test_page_refuses_what_is_too_much(browser: Client) -> None:
    files = [SimpleUploadedFile("a.sql", b" " * 1_000_001)]

    assert "manage.py job import takes more" in browser.post("/console/jobs/import", {"file": files}).content.decode()
