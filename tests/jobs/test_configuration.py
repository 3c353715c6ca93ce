"""The section `jobs` of the configuration file: applied, compared, exported, pruned; what is wrong is named with its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from django.utils import timezone

from apiserver.jobs.models import Job, Task
from apiserver.server import configuration
from apiserver.server.configuration_protocol import Change, ConfigurationError
from apiserver.server.configuration_secrets import Sealer
from connections.models import Connection
from connections.services import save_connection

pytestmark = pytest.mark.django_db
ISSUES = {"source": "shop", "destination": "copy", "tasks": ["REPLICATE [Orders]"]}


@pytest.fixture
def ends(tmp_path: Path) -> dict[str, Any]:
    """Return two connections as the file has them."""
    return {name: {"connector": "sqlite", "properties": {"Database": str(tmp_path / f"{name}.db")}} for name in ("shop", "copy", "other")}


def apply(data: dict[str, Any], *, prune: bool = False) -> Change:
    return configuration.apply(data, now=timezone.now(), prune=prune)


def refused(data: dict[str, Any]) -> str:
    with pytest.raises(ConfigurationError) as caught:
        apply(data)
    return str(caught.value)


def test_whole_job_applies_once_and_comes_back_in_the_export(ends: dict[str, Any]) -> None:
    job = {
        "source": "shop",
        "destination": "copy",
        "schema": "main",
        "table_prefix": "s_",
        "schedule": "*/10 * * * *",
        "timezone": "Asia/Tokyo",
        "paused": True,
        "settings": {"deletes": "soft", "parallel": 2},
        "events": [{"if": "always", "sql": ["ANALYZE"], "when": "after"}],
        "notify": {"on": "all", "to": ["desk@example.com"]},
        "labels": ["crm"],
        "tasks": ["REPLICATE [Orders]", {"statement": "REPLICATE [Lines]", "enabled": False, "settings": {"always_full": "drop"}}],
    }
    data = {"connections": ends, "jobs": {"nightly": job}}

    first, second = apply(data), apply(data)
    exported = yaml.safe_load(configuration.export())["jobs"]

    assert (first.created[-1], second.is_any) == ("jobs/nightly", False)
    assert exported == {"nightly": job}


def test_export_applied_to_an_empty_server_gives_the_same(ends: dict[str, Any]) -> None:
    apply({"connections": ends, "jobs": {"b": ISSUES, "a": {**ISSUES, "table_prefix": "a_", "schedule": "@daily"}}})
    text = configuration.export()
    apply({"jobs": {}, "connections": {}}, prune=True)

    apply(yaml.safe_load(text))

    assert configuration.export() == text


def test_the_contracts_own_example(ends: dict[str, Any]) -> None:
    line = """issues_to_pg: {source: shop, destination: copy, schedule: "*/10 * * * *", timezone: UTC, paused: false, schema: main,
      table_prefix: "", tasks: ["REPLICATE [Issues]"]}"""

    apply({"connections": ends, "jobs": yaml.safe_load(line)})

    job = Job.objects.get()
    assert (job.name, job.schedule, job.next_due is not None) == ("issues_to_pg", "*/10 * * * *", True)


def test_what_is_not_mentioned_stays_unless_pruned(ends: dict[str, Any]) -> None:
    apply({"connections": ends, "jobs": {"a": {**ISSUES, "labels": ["x"]}, "b": {**ISSUES, "table_prefix": "b_"}}})

    apply({"jobs": {"a": {"paused": True}}})
    assert (Job.objects.get(name="a").labels, Job.objects.get(name="a").paused, Job.objects.count()) == (["x"], True, 2)
    assert Job.objects.get(name="a").tasks.count() == 1

    pruned = apply({"connections": ends, "jobs": {"a": {}}}, prune=True)
    assert (pruned.deleted, [job.name for job in Job.objects.all()]) == (["jobs/b"], ["a"])


def test_task_that_writes_the_same_table_keeps_its_key(ends: dict[str, Any]) -> None:
    apply({"connections": ends, "jobs": {"a": {**ISSUES, "tasks": ["REPLICATE [Orders]", "REPLICATE [Lines]"]}}})
    before = dict(Task.objects.values_list("statement", "key"))

    apply({"jobs": {"a": {"tasks": ["REPLICATE [Lines]", "REPLICATE [Orders] SELECT [id] FROM [Orders]"]}}})

    keys = [task.key for task in Job.objects.get().tasks.all()]
    assert keys == [before["REPLICATE [Lines]"], before["REPLICATE [Orders]"]]


def test_renamed_connection_is_followed_by_jobs_and_their_statements(ends: dict[str, Any]) -> None:
    tasks = ["REPLICATE [Orders] [shop].[main].[Orders]", "REPLICATE [Late] SELECT * FROM shop.main.Orders WHERE [id] > 1"]
    apply({"connections": ends, "jobs": {"a": {**ISSUES, "tasks": tasks}}})
    shop = Connection.objects.get(name="shop")

    save_connection(name="store", connector="sqlite", values=shop.properties, existing=shop)

    exported = yaml.safe_load(configuration.export())["jobs"]["a"]
    assert exported["source"] == "store"
    assert exported["tasks"] == [
        "REPLICATE [Orders] [store].[main].[Orders]",
        "REPLICATE [Late] SELECT * FROM [store].main.Orders WHERE [id] > 1",
    ]


def test_pruned_connection_goes_with_its_job_or_once_the_job_has_left_it(ends: dict[str, Any]) -> None:
    apply({"connections": ends, "jobs": {"a": ISSUES, "b": {**ISSUES, "destination": "other"}}})
    left = {name: ends[name] for name in ("shop", "copy")}

    apply({"connections": left, "jobs": {"a": {}, "b": {"destination": "copy", "table_prefix": "b_"}}}, prune=True)

    assert sorted(Connection.objects.values_list("name", flat=True)) == ["copy", "shop"]


def test_job_that_keeps_a_pruned_connection_is_named(ends: dict[str, Any]) -> None:
    apply({"connections": ends, "jobs": {"a": ISSUES}})

    with pytest.raises(ConfigurationError, match=r"^jobs\.a\.source: the connection shop is deleted"):
        apply({"connections": {"copy": ends["copy"]}, "jobs": {"a": {"paused": True}}}, prune=True)
    assert Connection.objects.count() == 3


@pytest.mark.parametrize(
    ("job", "said"),
    [
        ({"shedule": "* * * * *"}, "jobs.a.shedule is not known; the nearest is schedule."),
        ({"source": "shopp"}, "jobs.a.source: there is no 'shopp'; the nearest is shop."),
        ({"destination": None}, "jobs.a.destination: there is no 'None'"),
        ({"schedule": "61 * * * *"}, "jobs.a.schedule: 61 is no minute"),
        ({"timezone": "Asia/Tokio"}, "jobs.a.timezone: There is no time zone Asia/Tokio. Did you mean Asia/Tokyo?"),
        ({"paused": "perhaps"}, "jobs.a.paused must be true or false, not 'perhaps'."),
        ({"tasks": ["SELECT 1"]}, "jobs.a.tasks[0]: Line 1, column 1: This is no REPLICATE statement."),
        ({"tasks": ["REPLICATE [a]", "REPLICATE [A]"]}, "jobs.a.tasks[1]: Another task of this job writes the table"),
        ({"tasks": [{"sql": "x"}]}, "jobs.a.tasks[0].sql is not known"),
        ({"tasks": [{}]}, "jobs.a.tasks[0].statement is missing"),
        ({"tasks": [7]}, "jobs.a.tasks[0] must be a mapping"),
        ({"settings": {"delets": "soft"}}, "jobs.a.settings.delets is not known; the nearest is deletes."),
        ({"settings": {"deletes": "perhaps"}}, "jobs.a.settings: deletes can't be 'perhaps'."),
        ({"kind": "standart"}, "jobs.a.kind: there is no 'standart'; the nearest is standard."),
        ({"events": [{"when": "perhaps", "sql": "x"}]}, "jobs.a.events[0].when: there is no 'perhaps'"),
        ({"events": [{"start_job": "b"}]}, "jobs.a.events[0].start_job: there is no 'b'"),
        ({"notify": {"on": "sometimes"}}, "jobs.a.notify.on: there is no 'sometimes'"),
        ({"labels": [1]}, "jobs.a.labels: labels is a list of texts."),
        ([], "jobs.a must be a mapping"),
    ],
)
def test_what_is_wrong_is_named(ends: dict[str, Any], job: Any, said: str) -> None:
    given = {**ISSUES, **job} if isinstance(job, dict) else job

    assert refused({"connections": ends, "jobs": {"a": given}}).startswith(said)
    assert Job.objects.count() == 0


def test_webhooks_leave_as_variables_and_come_back(ends: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    hook = {"url": "https://hooks.example.com/s3cret", "secret": "whsec_" + "A" * 32}
    data = {"connections": ends, "jobs": {"a": {**ISSUES, "events": [{"when": "after", "if": "success", "webhook": hook}]}}}
    apply(data)
    text = configuration.export()
    names = yaml.safe_load(text)["jobs"]["a"]["events"][0]["webhook"]

    for key, value in names.items():
        monkeypatch.setenv(value["env"], hook[key])

    assert "s3cret" not in text
    assert not apply(yaml.safe_load(text)).is_any


def test_two_jobs_that_write_one_table_are_refused(ends: dict[str, Any]) -> None:
    said = refused({"connections": ends, "jobs": {"a": ISSUES, "b": ISSUES}})

    assert said.startswith("jobs.b.tasks[0]: The job a writes the table orders already")


def test_a_server_that_is_set_up_anew_goes_on_with_the_checkpoints(ends: dict[str, Any]) -> None:
    apply({"connections": ends, "jobs": {"a": {**ISSUES, "tasks": ["REPLICATE [Orders]", "REPLICATE [Lines]"]}}})
    keys = list(Task.objects.values_list("key", flat=True))

    sealed = yaml.safe_load(configuration.export(Sealer("a long passphrase")))
    Job.objects.all().delete()
    apply({"jobs": sealed["jobs"]})

    assert list(Task.objects.values_list("key", flat=True)) == keys
    assert yaml.safe_load(configuration.export())["jobs"]["a"]["tasks"] == ["REPLICATE [Orders]", "REPLICATE [Lines]"]


def test_a_task_is_known_by_its_key_when_its_statement_changes(ends: dict[str, Any]) -> None:
    apply({"connections": ends, "jobs": {"a": ISSUES}})
    key = Task.objects.get().key

    apply({"jobs": {"a": {"tasks": [{"statement": "REPLICATE [Other] SELECT * FROM [Orders]", "key": key}]}}})

    assert Task.objects.get().key == key
    taken = {**ISSUES, "table_prefix": "b_", "tasks": [{"statement": "REPLICATE [Orders]", "key": key}]}
    assert refused({"jobs": {"b": taken}}) == f"jobs.b.tasks: Another task has the key {key}."
    assert "key is 32 digits" in refused({"jobs": {"b": {**taken, "tasks": [{"statement": "REPLICATE [Orders]", "key": "x"}]}}})
