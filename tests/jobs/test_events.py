"""What happens before and after a run: SQL, webhooks, other jobs; done once, in order, with named errors."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from apiserver.jobs import event_settings as settings
from apiserver.jobs import events
from apiserver.jobs.models import EventRun, Job, Run, TaskRun
from apiserver.jobs.services import save_job
from apiserver.server.configuration_protocol import ConfigurationError
from connections import vault
from tests.jobs.event_runs import cities, receiver, running, shop, states
from tests.jobs.replicated import Replicated
from tests.triggers.receiver import Receiver

__all__ = ["receiver", "shop"]
SECRET = "whsec_" + "A" * 43 + "="


# ---- SQL ----


def test_statements_run_in_order_at_the_destination(shop: Replicated) -> None:
    found = running(
        shop, {"when": "before", "sql": ["UPDATE customers SET city = 'a' WHERE id = 1", "UPDATE customers SET city = city || 'b'"]}
    )

    events.before(found)

    assert (cities(shop), states(found)) == (["ab", None], [("sql", "done")])
    assert found.lines == ["info: SQL at the destination: 2 statements were run."]


def test_a_statement_that_fails_is_named_and_those_before_it_are_undone(shop: Replicated) -> None:
    found = running(shop, {"when": "before", "sql": ["UPDATE customers SET city = 'lost'", "UPDATE nothing SET a = 1"]})

    with pytest.raises(events.EventFailed) as caught:
        events.before(found)

    assert (cities(shop), states(found)) == (["Kyoto", None], [("sql", "failed")])
    assert caught.value.message.startswith("SQL at the destination: statement 2 of 2: ")
    assert "nothing" in caught.value.message


def test_statements_outside_a_transaction_stay(shop: Replicated) -> None:
    given = {"when": "before", "sql": ["UPDATE customers SET city = 'kept'", "UPDATE nothing SET a = 1"], "transaction": False}

    with pytest.raises(events.EventFailed, match="statement 2 of 2"):
        events.before(running(shop, given))

    assert cities(shop) == ["kept", "kept"]


# ---- order, outcome, repetition ----


def test_events_after_a_run_follow_its_outcome(shop: Replicated) -> None:
    after = [
        {"sql": f"UPDATE customers SET city = coalesce(city, '') || '{name}'", "if": name} for name in ("success", "failure", "always")
    ]
    found = running(shop, *after)
    TaskRun.objects.filter(run=found.run).update(state="failed")
    events.plan(found.run)

    events.after(found)

    assert [state for _, state in states(found)] == ["skipped", "done", "done"]
    assert cities(shop) == ["Kyotofailurealways", "failurealways"]


def test_a_failed_event_behind_a_run_makes_it_fail_and_calls_those_for_failures(shop: Replicated) -> None:
    bad, good = {"sql": "UPDATE nothing SET a = 1"}, {"sql": "UPDATE customers SET city = 'told'", "if": "failure"}
    found = running(shop, bad, {"sql": "UPDATE customers SET city = 'never'"}, good)
    events.plan(found.run)

    with pytest.raises(events.EventFailed):
        events.after(found)

    assert ([state for _, state in states(found)], cities(shop)) == (["failed", "skipped", "done"], ["told", "told"])


def test_an_event_that_may_fail_lets_the_run_go_on(shop: Replicated) -> None:
    found = running(shop, {"when": "before", "sql": "UPDATE nothing SET a = 1", "continue_on_error": True, "name": "Try it"})

    events.before(found)

    assert states(found) == [("sql", "failed")]
    assert found.lines[0].startswith("error: Try it: ")


def test_a_worker_that_takes_the_run_over_repeats_only_what_was_under_way(shop: Replicated) -> None:
    found = running(
        shop, *({"when": "before", "sql": f"UPDATE customers SET city = coalesce(city, '') || '{number}'"} for number in (1, 2, 3))
    )
    events.plan(found.run)
    EventRun.objects.filter(number=1).update(state="done")
    EventRun.objects.filter(number=2).update(state="running")

    events.before(found)

    assert (cities(shop)[1], [state for _, state in states(found)]) == ("23", ["done", "done", "done"])


def test_a_failure_that_an_earlier_worker_stored_is_not_forgotten(shop: Replicated) -> None:
    found = running(shop, {"sql": "UPDATE customers SET city = 'again'"})
    events.plan(found.run)
    EventRun.objects.update(state="failed", cause="It failed.", hint="Look.")

    with pytest.raises(events.EventFailed, match=r"It failed\."):
        events.after(found)

    assert cities(shop) == ["Kyoto", None]


def test_a_run_that_is_cancelled_begins_no_event(shop: Replicated) -> None:
    found = running(shop, {"when": "before", "sql": "UPDATE customers SET city = 'never'"})
    found.reason = KeyError("cancelled")

    with pytest.raises(KeyError):
        events.before(found)

    assert (states(found), cities(shop)) == ([("sql", "waiting")], ["Kyoto", None])


# ---- webhooks ----


def test_a_webhook_is_signed_and_says_how_the_run_went(shop: Replicated, receiver: Receiver) -> None:
    found = running(shop, {"webhook": {"url": receiver.url(), "secret": SECRET}, "if": "always"})
    events.plan(found.run)

    events.after(found)

    (call,) = receiver.calls
    assert (call.is_signed(SECRET), call.data["job"], call.data["state"], len(call.data["tasks"])) == (True, "nightly", "done", 2)
    assert found.lines == [f"info: Call 127.0.0.1:{receiver.port}: The receiver answered 204."]


def test_a_webhook_is_tried_again_under_its_id(shop: Replicated, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apiserver.jobs.event_acts.PAUSES", (0.0, 0.0))
    answers = iter([(500, {}), (429, {}), (200, {})])
    receiver.reply = lambda _: next(answers)
    found = running(shop, {"when": "before", "webhook": {"url": receiver.url(), "secret": SECRET}})

    events.before(found)

    assert (len(receiver.calls), len({call.headers["webhook-id"] for call in receiver.calls})) == (3, 1)


def test_a_webhook_that_is_refused_stops_the_run_at_once(shop: Replicated, receiver: Receiver) -> None:
    receiver.reply = lambda _: (403, {})
    found = running(shop, {"when": "before", "webhook": {"url": receiver.url(), "secret": SECRET}})

    with pytest.raises(events.EventFailed, match="The receiver answered 403"):
        events.before(found)

    assert len(receiver.calls) == 1


def test_an_address_that_may_not_be_called_is_not(shop: Replicated, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apiserver.jobs.event_acts.PAUSES", ())
    found = running(shop, {"when": "before", "webhook": {"url": "https://169.254.169.254/latest?key=hidden", "secret": SECRET}})

    with pytest.raises(events.EventFailed) as caught:
        events.before(found)

    assert "hidden" not in caught.value.message + caught.value.hint + "".join(found.lines)


# ---- other jobs ----


def test_another_job_is_started_or_says_that_it_runs(shop: Replicated) -> None:
    other = Job.objects.create(name="other", source=shop.source, destination=shop.destination, table_prefix="o_")
    found = running(shop, {"start_job": "other"}, {"start_job": "other"})
    events.plan(found.run)

    events.after(found)

    made = Run.objects.filter(job=other).order_by("pk")
    assert [(run.state, run.reason, run.asked_by) for run in made] == [
        ("waiting", "event", "job nightly"),
        ("skipped", "event", "job nightly"),
    ]
    assert found.lines[1].endswith(f"The job other runs already: its run {made[1].pk} was skipped.")


def test_a_job_that_is_gone_is_named(shop: Replicated) -> None:
    found = running(shop, {"start_job": "gone"})
    events.plan(found.run)

    with pytest.raises(events.EventFailed, match="There is no job gone"):
        events.after(found)


def test_a_job_under_a_new_name_is_still_started(shop: Replicated) -> None:
    other = Job.objects.create(name="other", source=shop.source, destination=shop.destination, table_prefix="o_")
    shop.job.events = settings.checked([{"start_job": "other"}, {"sql": "SELECT 1"}], "events")
    shop.job.save()

    save_job(other, who="admin", now=timezone.now(), name="another")

    shop.job.refresh_from_db()
    assert shop.job.events[0]["start_job"] == "another"


def test_jobs_do_not_start_each_other_without_end() -> None:
    with pytest.raises(ConfigurationError, match="a → b → c → a"):
        settings.check_loop("a", {"a": ["b"], "b": ["d", "c"], "c": ["a"], "d": []})
    settings.check_loop("a", {"a": ["b", "c"], "b": ["c"], "c": ["d", "b"]})


# ---- as data ----


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ({"when": "before"}, "events[0] must do one thing"),
        ({"sql": "a", "dbt": "b"}, "events[0] must do one thing"),
        ({"sql": []}, "events[0].sql needs 1 to 100 statements."),
        ({"sql": [" ;"]}, "events[0].sql[0] must be a statement of SQL."),
        ({"sql": 1}, "events[0].sql must be a list, not 1."),
        ({"when": "later", "sql": "a"}, "events[0].when: there is no 'later'"),
        ({"refuse": "previous_failed"}, "events[0].refuse is for events before a run."),
        ({"when": "before", "refuse": "previos_failed"}, "the nearest is previous_failed"),
        ({"when": "before", "refuse": {}}, "events[0].refuse needs one statement"),
        ({"when": "before", "if": "always", "sql": "a"}, "events[0].if is for events after a run."),
        ({"webhook": "ftp://x/secret"}, "events[0].webhook.url"),
        ({"webhook": {"url": "https://x.example", "secret": "short"}}, "must be whsec_"),
        ({"dbt": {"project": "p", "command": "docs"}}, "events[0].dbt.command"),
        ({"dbt": {"project": "-p"}}, "events[0].dbt.project can't begin with -."),
        ({"dbt": {"project": "p", "select": ["--profiles-dir=/"]}}, "events[0].dbt.select can't begin with -."),
        ({"start_jobs": "a"}, "events[0].start_jobs is not known; the nearest is start_job."),
        ({"sql": "a", "continue_on_error": "perhaps"}, "events[0].continue_on_error must be true or false"),
    ],
)
def test_what_can_not_be_an_event_is_named(event: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        settings.checked([event], "events")

    assert said in str(caught.value)
    assert "/secret" not in str(caught.value)


def test_secrets_are_sealed_kept_and_sealed_anew(shop: Replicated, monkeypatch: pytest.MonkeyPatch) -> None:
    made = settings.checked([{"webhook": "https://hooks.example/x"}, {"sql": "SELECT 1;"}], "events")
    kept = settings.stored(made, [])
    again = settings.checked([{"webhook": "https://hooks.example/x"}, {"start_job": "b"}], "events", before=settings.opened(kept))
    shop.job.events = kept
    shop.job.save()

    assert "hooks.example" not in str(kept)
    assert settings.opened(kept) == made
    assert settings.stored(again, kept)[0] == kept[0]
    monkeypatch.setattr(vault, "is_current", lambda _: False)
    assert settings.reseal() == 2
    shop.job.refresh_from_db()
    assert settings.opened(shop.job.events) == made
    assert shop.job.events != kept
