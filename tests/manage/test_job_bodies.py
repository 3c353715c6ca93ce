"""Bodies of jobs that say something wrong: each is a 422 that names its field, by POST and by PATCH, and nothing is stored."""

from __future__ import annotations

from typing import Any

import pytest

from apiserver.jobs.models import Job
from tests.manage.conftest import Caller, error
from tests.manage.test_jobs import job

__all__ = ["job"]
WORDS = ["x", 1, True, 1.5]
WRONG: dict[str, list[Any]] = {
    "source": ["nope", 1, [], {}, True],
    "destination": ["nope", "", 1, [], {}, None],
    "kind": ["x", None, 1, []],
    "schema": [1, [], {}, False, "a" * 201, "x\n"],
    "table_prefix": [0, [], "a" * 61, "\n"],
    "schedule": [
        *(1, [], 0, "x", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 32 * *", "* * 0 * *", "* * * 13 *", "* * * * 8"),
        *("*/0 * * * *", "*/-1 * * * *", "1- * * * *", "5-1-2 * * * *", "1,,2 * * * *", "0 0 30 2 *", "0 0 31 4,6,9,11 *", "@never"),
        *("@every 5m", "L * * * *", "0 0 L-99 * *", "0 0 32W * *", "0 0 * * FRI#6", "0 0 * * #3", "1.5 * * * *", "0 " * 500),
    ],
    "timezone": [1, [], "Mars/Phobos", "../../etc/passwd", "Asia"],
    "paused": ["yes", 1, None, [], 0],
    "tasks": [
        *WORDS,
        *({}, "", False),
        *([task] for task in (1, None, [], {}, "", "REPLICATE", "SELECT 1", "REPLICATE [x] WITH Foo", {"statement": 1}, {"statement": ""})),
        *(
            [{"statement": "REPLICATE [Goods]", **more}]
            for more in ({"nope": 1}, {"enabled": "x"}, {"settings": []}, {"settings": {"x": 1}})
        ),
        ["REPLICATE [Goods]", "REPLICATE [goods]"],
        ["REPLICATE [Goods]; REPLICATE [Orders]"],
        ["REPLICATE [Goods] DELETE FROM [Goods]"],
        ["REPLICATE [Goods] SELECT * FROM [Goods]; DROP TABLE [Goods]"],
        ["REPLICATE [Goods] WITH DropTable, TruncateTable"],
        ["REPLICATE [Goods] WITH BatchSize=0"],
        ["REPLICATE [Goods] WITH ReplicateInterval=99999999999"],
        ["REPLICATE [Goods] WITH CommandTimeout=999999999"],
        ["REPLICATE [Goods] ([Id] NOTATYPE)"],
    ],
    "settings": [
        *WORDS,
        [],
        *(
            {name: value}
            for name in ("overlap_seconds", "lag_seconds", "interval", "sweep_every")
            for value in ("x", -1, 1.5, 10**30, True)
        ),
        *({name: value} for name in ("batch_rows", "command_timeout", "parallel") for value in (0, -1, "5", 10**30, True, 10**9, None)),
        *({name: value} for name in ("may_shrink", "history", "cuts_texts", "continue_on_error") for value in ("yes", 1, None)),
        *({name: value} for name in ("schema", "deletes", "interval_unit", "always_full", "row_counts") for value in ("x", 1, [])),
        *({"check_columns": value} for value in (1, [1], {"a": 1})),
        {"nope": 1},
    ],
    "exclude": [*WORDS, {}, [1], [None], [""]],
    "labels": [*WORDS, {}, [1], [{}]],
    "events": [
        *WORDS,
        {},
        *(
            [event]
            for event in (1, {}, {"when": "x", "sql": "SELECT 1"}, {"sql": 1}, {"sql": ""}, {"sql": []}, {"if": "x", "sql": "SELECT 1"})
        ),
        *([{"webhook": url}] for url in ("ftp://x", {"url": 1}, {})),
        *(
            [{"when": "before", "refuse": value}]
            for value in ("x", {}, {"source": ""}, {"source": "DROP TABLE x"}, {"source": "SELECT 1", "destination": "SELECT 1"})
        ),
        *(
            [event]
            for event in ({"start_job": "nope"}, {"refuse": "source_empty"}, {"sql": "SELECT 1", "start_job": "other"}, {"dbt": "-x"})
        ),
    ],
    "notify": [*WORDS, [], {"on": "x"}, {"to": ["no mail"]}, {"to": ["a@b.c\nBcc: x@y.z"]}, {"nope": 1}, {"subject": 1}],
    "nope": [1],
}
BODIES = [b"{", b"[]", b"null", b"1", b'"x"', b"\xff\xfe", b"{}", b'{"name": 1}', b"{" * 200, b'{"name": "x"}']


@pytest.mark.parametrize("field", WRONG)
def test_a_wrong_value_is_refused_at_its_field_and_nothing_is_stored(job: Caller, field: str) -> None:
    before = job("GET", "/jobs/nightly/").json()
    body = {"name": "new", "source": "shop", "destination": "copy", "tasks": ["REPLICATE [Goods]"]}
    odd = []

    for number, value in enumerate(WRONG[field]):
        answers = [job("POST", "/jobs/", {**body, field: value})]
        answers += [job("PATCH", "/jobs/nightly/", {field: value})] if number % 4 == 0 else []
        odd += [
            (value, answer.status_code, answer.content[:200])
            for answer in answers
            if answer.status_code != 422 or not error(answer)["target"].startswith(field) or not error(answer)["message"]
        ]

    assert odd == []
    assert (Job.objects.count(), job("GET", "/jobs/nightly/").json()) == (1, before)


@pytest.mark.parametrize("body", BODIES)
def test_what_is_no_job_is_refused(job: Caller, body: Any) -> None:
    answers = [job("POST", "/jobs/", body), job("POST", "/jobs/nightly/tasks/", body), job("POST", "/executeJob/", body)]

    assert [answer.status_code for answer in answers if answer.status_code not in (400, 404, 422)] == []
    assert all(error(answer)["message"] for answer in answers)
    assert Job.objects.count() == 1
