"""What happens before and after a job's runs, as data: `Job.events` and `events:` of a job in the configuration file. Secrets are sealed.

A list; each entry says when, does one thing, and may have a name:
{when: before, refuse: previous_failed | source_empty | {source: SELECT} | {destination: SQL}}
{when: before|after, sql: [statement, ...], transaction: true}
{when: before|after, webhook: {url, secret}}
{when: before|after, start_job: name}
{when: before|after, dbt: {project, command, select, exclude, target, threads, seconds}}
Those after a run may have `if: success|failure|always`; all may have `continue_on_error: true`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from apiserver.jobs.models import Job
from apiserver.server.configuration_protocol import ConfigurationError, SecretWriter, check_keys, reference, typed
from apiserver.server.configuration_server import Between, text
from apiserver.server.notification_settings import host_of
from apiserver.server.standard_webhooks import is_secret, new_secret
from connections import vault
from connections.engine.sql_reader import SqlProblem, parse

Event = dict[str, Any]
BEFORE, AFTER = "before", "after"
SUCCESS, FAILURE, ALWAYS = "success", "failure", "always"
REFUSE, SQL, WEBHOOK, START_JOB, DBT = "refuse", "sql", "webhook", "start_job", "dbt"
KINDS = (REFUSE, SQL, WEBHOOK, START_JOB, DBT)
PREVIOUS_FAILED, SOURCE_EMPTY = "previous_failed", "source_empty"
REFUSALS = (PREVIOUS_FAILED, SOURCE_EMPTY)
SOURCE, DESTINATION = "source", "destination"
COMMON = ("when", "if", "name", "continue_on_error")
DBT_KEYS = ("project", "command", "select", "exclude", "target", "threads", "seconds")
DBT_COMMANDS = ("run", "build", "test", "seed", "snapshot")
SECRET = ("url", "secret")  # of a webhook: an address may be a credential too
MOST_EVENTS, MOST_STATEMENTS, LONGEST_SQL, LONGEST_NAME = 20, 100, 100_000, 100


def checked(data: Any, place: str, *, before: Sequence[Event] = ()) -> list[Event]:
    """Return the events as they are kept, secrets open; raise ConfigurationError with the place.

    `before`: the job's events until now, opened, from which a webhook without a secret takes the one that it had.
    """
    secrets = {event[WEBHOOK]["url"]: event[WEBHOOK]["secret"] for event in before if WEBHOOK in event}
    found = [event(item, f"{place}[{number}]", secrets) for number, item in enumerate(typed(data, list, place))]
    if len(found) > MOST_EVENTS:
        raise ConfigurationError(f"{place}: {MOST_EVENTS} events are the most.")
    return found


def event(data: Any, place: str, secrets: Mapping[str, str]) -> Event:
    """Return one event."""
    given = check_keys(data, (*COMMON, *KINDS, "transaction"), place)
    kinds = [kind for kind in KINDS if kind in given]
    if len(kinds) != 1:
        raise ConfigurationError(f"{place} must do one thing: {', '.join(KINDS)}.")
    kind = kinds[0]
    found: Event = {"when": reference(str(given.get("when", AFTER)), (BEFORE, AFTER), f"{place}.when")}
    if given.get("name"):
        found["name"] = short(given["name"], f"{place}.name")
    if found["when"] == AFTER:
        found["if"] = reference(str(given.get("if", SUCCESS)), (SUCCESS, FAILURE, ALWAYS), f"{place}.if")
    elif "if" in given:
        raise ConfigurationError(f"{place}.if is for events after a run.")
    if kind == REFUSE and found["when"] == AFTER:
        raise ConfigurationError(f"{place}.refuse is for events before a run.")
    if typed(given.get("continue_on_error", False), bool, f"{place}.continue_on_error"):
        found["continue_on_error"] = True
    if "transaction" in given and kind != SQL:
        raise ConfigurationError(f"{place}.transaction is for sql.")
    if not typed(given.get("transaction", True), bool, f"{place}.transaction"):
        found["transaction"] = False
    found[kind] = READ[kind](given[kind], f"{place}.{kind}", secrets)
    return found


def refusal(value: Any, place: str, _secrets: Mapping[str, str]) -> Any:
    """Return when a run does not begin: a word, or the SQL that gives a row then, and where it runs."""
    if isinstance(value, str):
        return reference(value, REFUSALS, place)
    given = check_keys(value, (SOURCE, DESTINATION), place)
    if len(given) != 1:
        raise ConfigurationError(f"{place} needs one statement, at the source or at the destination.")
    (side,) = given
    found = statement(given[side], f"{place}.{side}")
    if side == SOURCE:
        check_select(found, f"{place}.{side}")
    return {side: found}


def check_select(found: str, place: str) -> None:
    """Raise ConfigurationError for what is no SELECT in the product's SQL."""
    try:
        parse(found)
    except SqlProblem as error:
        raise ConfigurationError(f"{place}: {error.message}") from error


def statements(value: Any, place: str, _secrets: Mapping[str, str]) -> list[str]:
    """Return the statements in their order; a text is one."""
    listed = [value] if isinstance(value, str) else typed(value, list, place)
    if not 0 < len(listed) <= MOST_STATEMENTS:
        raise ConfigurationError(f"{place} needs 1 to {MOST_STATEMENTS} statements.")
    return [statement(item, f"{place}[{number}]") for number, item in enumerate(listed)]


def statement(value: Any, place: str) -> str:
    """Return one statement without the semicolon at its end."""
    found = text(value, place).strip().rstrip(";").strip()
    if not found or len(found) > LONGEST_SQL or "\0" in found:
        raise ConfigurationError(f"{place} must be a statement of SQL.")
    return found


def webhook(value: Any, place: str, secrets: Mapping[str, str]) -> dict[str, str]:
    """Return what is called and the secret that signs the call; one is made where none is given."""
    given = check_keys({"url": value} if isinstance(value, str) else value, SECRET, place)
    url = text(given.get("url", ""), f"{place}.url").strip()
    host_of(url, f"{place}.url")
    secret = text(given.get("secret") or secrets.get(url) or new_secret(), f"{place}.secret")
    if not is_secret(secret):
        raise ConfigurationError(f"{place}.secret must be whsec_ and 24 to 64 bytes as base64.")
    return {"url": url, "secret": secret}


def job_name(value: Any, place: str, _secrets: Mapping[str, str]) -> str:
    """Return the name of another job."""
    return short(value, place)


def dbt(value: Any, place: str, _secrets: Mapping[str, str]) -> dict[str, Any]:
    """Return what dbt does; `project` is the folder of dbt_project.yml, below an allowed one."""
    given = check_keys({"project": value} if isinstance(value, str) else value, DBT_KEYS, place)
    found: dict[str, Any] = {"project": word(given.get("project", ""), f"{place}.project")}
    found["command"] = reference(str(given.get("command", "run")), DBT_COMMANDS, f"{place}.command")
    for name in ("select", "exclude"):
        items = given.get(name) or []
        listed = items.split() if isinstance(items, str) else typed(items, list, f"{place}.{name}")
        if listed:
            found[name] = [word(item, f"{place}.{name}") for item in listed]
    if given.get("target"):
        found["target"] = word(given["target"], f"{place}.target")
    for name, most in (("threads", 64), ("seconds", 86_400)):
        if given.get(name) is not None:
            found[name] = Between(1, most)(given[name], f"{place}.{name}")
    return found


def word(value: Any, place: str) -> str:
    """Return a text that a command line takes as a value, not as an option of its own."""
    found = short(value, place)
    if found.startswith("-"):
        raise ConfigurationError(f"{place} can't begin with -.")
    return found


def short(value: Any, place: str) -> str:
    """Return a text of one line."""
    found = text(value, place).strip()
    if not found or len(found) > LONGEST_NAME * 10 or not found.isprintable():
        raise ConfigurationError(f"{place} must be a text of one line.")
    return found


READ: dict[str, Callable[[Any, str, Mapping[str, str]], Any]] = {
    REFUSE: refusal,
    SQL: statements,
    WEBHOOK: webhook,
    START_JOB: job_name,
    DBT: dbt,
}


def sealed(events: Sequence[Event]) -> list[Event]:
    """Return the events as the database keeps them."""
    return [with_secrets(item, lambda _name, value: vault.seal(value)) for item in events]


def stored(events: Sequence[Event], before: Sequence[Event]) -> list[Event]:
    """Return the events as the database keeps them; those that are there already stay as they are sealed."""
    known = list(zip(opened(before), before, strict=True))
    return [next((kept for old, kept in known if old == item), sealed([item])[0]) for item in events]


def opened(events: Sequence[Event]) -> list[Event]:
    """Return stored events with their secrets open."""
    return [with_secrets(item, lambda _name, value: vault.reveal(value)) for item in events]


def exported(events: Sequence[Event], secrets: SecretWriter, job: str) -> list[Event]:
    """Return stored events as the configuration file has them."""

    def named(number: int) -> Callable[[str, str], Any]:
        return lambda name, value: secrets.write("jobs", job, f"event{number}_{name}", value)

    return [with_secrets(item, named(number)) for number, item in enumerate(opened(events), 1)]


def with_secrets(item: Event, change: Callable[[str, str], Any]) -> Event:
    """Return an event whose secrets are changed."""
    if WEBHOOK not in item:
        return dict(item)
    return {**item, WEBHOOK: {name: change(name, item[WEBHOOK][name]) for name in SECRET}}


def reseal() -> int:
    """Seal all secrets with the first key; return how many were sealed with another."""
    count = 0
    for job in Job.objects.select_for_update().exclude(events=[]):
        old = [value for item in job.events if WEBHOOK in item for value in item[WEBHOOK].values() if not vault.is_current(value)]
        if old:
            Job.objects.filter(pk=job.pk).update(
                events=[with_secrets(item, lambda _name, value: vault.rotate(value)) for item in job.events]
            )
            count += len(old)
    return count


def kind_of(item: Event) -> str:
    """Return what an event does."""
    return next(kind for kind in KINDS if kind in item)


def jobs_begun_by(events: Sequence[Event]) -> list[str]:
    """Return the names of jobs that these events start."""
    return [item[START_JOB] for item in events if START_JOB in item]


def follow_rename(before: str, after: str) -> None:
    """Let the events of other jobs start a job under its new name."""
    for job in Job.objects.select_for_update().exclude(events=[]):
        if before in jobs_begun_by(job.events):
            events = [{**item, START_JOB: after} if item.get(START_JOB) == before else item for item in job.events]
            Job.objects.filter(pk=job.pk).update(events=events)


def check_loop(name: str, begun_by: Mapping[str, Sequence[str]], place: str = "events") -> None:
    """Raise ConfigurationError where a job would start itself in the end. `begun_by`: the jobs that each starts, this one as it will be."""
    ways: list[list[str]] = [[name]]
    seen: set[str] = set()
    while ways:
        way = ways.pop()
        for following in begun_by.get(way[-1], ()):
            if following == name:
                raise ConfigurationError(f"{place}: the jobs would start each other without end: {' → '.join([*way, name])}.")
            if following not in seen:
                seen.add(following)
                ways.append([*way, following])
