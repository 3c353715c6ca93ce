"""Records of the replaced product (what its REST API returns, what stands in its .cfg files) -> connections, jobs and their tasks.

Names are compared without case, blanks and underscores; both versions of that API and the files spell them alike otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from django.utils.translation import gettext_noop as _

from apiserver.jobs.importing.found import DIFFERENT, LEFT, TAKEN, Found, Unreadable
from apiserver.jobs.importing.statements import statements
from apiserver.jobs.importing.strings import connected, plain
from apiserver.jobs.moving_order import Settings
from apiserver.jobs.replicate import Replicate, named
from apiserver.jobs.replicate_options import OPTIONS, TRUTHS, option_named

NAMES = ("jobname", "name", "connectionname")
STRING = "connectionstring"
SOURCES = ("source", "sourceconnection", "sourceconnectionname", "sourcename")
DESTINATIONS = ("destination", "destinationconnection", "destinationconnectionname", "destinationname")
SCHEMAS = ("cacheschema", "destinationschema", "targetschema", "schema")
CRONS = ("scheduledcron", "schedulecron", "cron", "cronexpression")
KINDS = {"standard": "standard", "1": "standard", "replicateall": "all_tables", "syncall": "all_tables", "2": "all_tables"}
KINDS |= {"loadfolder": "load_folder", "3": "load_folder"}
CAPTURES = ("changedatacapture", "enhancedchangedatacapture", "cdc")
QUERY = re.compile(r"(?:query|queries|statement)#?\d*")
# What is of no use here, or what the other product computes: no note.
SILENT = {
    "jobid",
    "status",
    "canupdate",
    "canremove",
    "canexecute",
    "verbosity",
    "scheduled",
    "type",
    "notifywindowsevent",
    "lastrun",
    "nextrun",
}
SILENT |= {"id", "workspaceid", "workspace", "notifyemailsubject", "useasapi", "lastmodified", "creationtime", "continueonerror"}
PAUSED = _("Its schedule is paused: resume it once the other product no longer runs the job.")
TASKS = ("tasks", "queries", "statements")


def normal(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record by plain names, without what is empty."""
    return {plain(str(key)): value for key, value in record.items() if value not in (None, "", [], {})}


def first(record: Mapping[str, Any], names: tuple[str, ...]) -> str:
    """Return the first of these fields that is given, as text."""
    return next((str(record[name]).strip() for name in names if name in record), "")


def is_true(value: Any) -> bool:
    """Claim that a switch is on."""
    return TRUTHS.get(str(value).strip().lower(), False)


def records(data: Any) -> Iterator[dict[str, Any]]:
    """Return every record in what an answer of the API or a list of them holds."""
    if isinstance(data, list):
        for item in data:
            yield from records(item)
    elif isinstance(data, Mapping):
        found = normal(data)
        if is_record(found):
            yield found
            return
        for value in data.values():
            yield from records(value)


def is_record(found: Mapping[str, Any]) -> bool:
    """Claim that a mapping is a job, a connection, a task or a transformation."""
    return STRING in found or is_job(found) or is_task(found) or "transformationname" in found


def is_job(found: Mapping[str, Any]) -> bool:
    """Claim that a record is a job."""
    return "jobname" in found and not is_task(found) and (any(name in found for name in (*SOURCES, *DESTINATIONS)) or bool(queries(found)))


def is_task(found: Mapping[str, Any]) -> bool:
    """Claim that a record is a task of a job."""
    return "taskid" in found or (
        "jobname" in found and not any(n in found for n in (*SOURCES, *DESTINATIONS)) and {"query", "table"} & set(found) != set()
    )


def take(found: Found, file: str, record: Mapping[str, Any]) -> None:
    """Add one record to what is found."""
    if STRING in record:
        take_connection(found, file, record)
    elif is_task(record):
        take_task(found, file, record)
    elif is_job(record):
        take_job(found, file, record)
    else:
        name = str(record.get("transformationname", ""))[:80]
        found.say(file, name, LEFT, _("Transformations are not taken over: make them events of the job (SQL after the run)."))


# ---- connections ----


def take_connection(found: Found, file: str, record: Mapping[str, Any]) -> None:
    """Add a connection."""
    name = first(record, NAMES)
    provider = first(record, ("providername", "provider", "driver", "providerclass", "connector"))
    place = f"connections/{safe_name(name)}"
    try:
        made = connected(str(record[STRING]), provider)
    except Unreadable as error:
        found.refuse(file, place, error)
        return
    add_connection(found, file, name, made.connector, made.properties, made.left, is_signed_in=made.is_signed_in)


def add_connection(
    found: Found, file: str, given: str, connector: str, properties: Mapping[str, str], left: tuple[str, ...], *, is_signed_in: bool
) -> str:
    """Add a connection with the notes on it; return its name."""
    name = safe_name(given)
    place = f"connections/{name}"
    if not found.add(file, "connections", name, {"connector": connector, "properties": dict(properties)}):
        return name
    found.say(file, place, TAKEN, _("Connector %(name)s, properties: %(names)s."), name=connector, names=", ".join(properties) or "–")
    if name != given:
        found.say(file, place, DIFFERENT, _("It was called %(name)s: names have letters, digits, blanks, - and _ here."), name=given[:80])
    if left:
        found.say(file, place, DIFFERENT, _("Properties that %(name)s has not here: %(names)s."), name=connector, names=", ".join(left))
    if is_signed_in:
        found.say(file, place, DIFFERENT, _("What the service granted is not taken over: connect anew on the connection's page."))
    if any(value.upper().startswith("ENC:") for value in properties.values()):
        found.say(file, place, DIFFERENT, _("A value is encrypted by the other product: give it anew."))
    return name


def safe_name(given: str) -> str:
    """Return a name that a connection or a job may have."""
    name = re.sub(r"[^A-Za-z0-9_ -]+", "_", given).strip(" ")[:80]
    return name if re.match(r"[A-Za-z_]", name) else f"_{name}"[:80]


# ---- jobs ----


def take_job(found: Found, file: str, record: Mapping[str, Any]) -> None:
    """Add a job with its schedule, its options and the statements that stand in the same record."""
    given = first(record, NAMES)
    name = safe_name(given)
    place = f"jobs/{name}"
    entry: dict[str, Any] = {"tasks": []}
    for end, spellings in (("source", SOURCES), ("destination", DESTINATIONS)):
        if first(record, spellings):
            entry[end] = safe_name(first(record, spellings))
    kind = kind_of(found, file, place, record)
    if kind != "standard":
        entry["kind"] = kind
    for key, spelt in (("schema", SCHEMAS), ("table_prefix", ("tablenameprefix", "tableprefix"))):
        if first(record, spelt):
            entry[key] = first(record, spelt)
    if not found.add(file, "jobs", name, entry):
        return
    found.say(file, place, TAKEN, _("A job of the kind %(name)s."), name=kind)
    if name != given:
        found.say(file, place, DIFFERENT, _("It was called %(name)s: names have letters, digits, blanks, - and _ here."), name=given[:80])
    take_schedule(found, file, place, record, entry)
    take_notification(found, file, place, record, entry)
    settings = take_settings(found, file, place, record)
    if settings:
        entry["settings"] = settings
    for text in queries(record):
        add_tasks(found, file, name, text)
    used = {*NAMES, *SOURCES, *DESTINATIONS, *SCHEMAS, *CRONS, *SILENT, *TASKS, "tablenameprefix", "tableprefix", "exclude"}
    rest = [key for key in record if key not in used and not QUERY.fullmatch(key) and key not in NOTIFY and option_named(key) is None]
    for key in rest:
        found.say(file, place, LEFT, LOST.get(key, _("%(name)s has no counterpart here.")), name=key[:60])
    if "exclude" in record:
        entry["exclude"] = [item.strip() for item in as_list(record["exclude"]) if item.strip()]


NOTIFY = ("sendemailnotification", "notifyemailto", "emailerroronly")
LOST = {
    "prejob": _("What happens before a run is a script of the other product: write it anew as an event of the job."),
    "postjob": _("What happens after a run is a script of the other product: write it anew as an event of the job."),
    "othercacheoptions": _("OtherCacheOptions are not taken over: see the settings of the job."),
    "enableparallelprocessing": _("Parallel tasks: set parallel in the settings of the job."),
    "workerpool": _("Parallel tasks: set parallel in the settings of the job."),
}


def kind_of(found: Found, file: str, place: str, record: Mapping[str, Any]) -> str:
    """Return the kind of a job."""
    word = plain(str(record.get("type", "standard")))
    if word in KINDS:
        return KINDS[word]
    if word in CAPTURES:
        found.say(file, place, DIFFERENT, _("Log-based capture is read by check column here; deletions are found by comparing keys."))
        return "standard"
    found.say(file, place, DIFFERENT, _("The type %(value)s is not known here: it became a standard job."), value=str(record["type"])[:40])
    return "standard"


def take_schedule(found: Found, file: str, place: str, record: Mapping[str, Any], entry: dict[str, Any]) -> None:
    """Add the schedule; one that is switched off is kept, paused."""
    cron = first(record, CRONS)
    if not cron:
        return
    entry["schedule"] = five_fields(cron)
    if entry["schedule"] != " ".join(cron.split()):
        found.say(file, place, DIFFERENT, _("The schedule has five fields here: %(value)s."), value=entry["schedule"])
    entry["paused"] = True  # the other product may still run it
    found.say(file, place, DIFFERENT, PAUSED)
    if first(record, ("timezone",)):
        entry["timezone"] = first(record, ("timezone",))
    else:
        found.say(file, place, DIFFERENT, _("Its schedule ran in the time zone of the other server; here it is UTC until timezone is set."))


def five_fields(cron: str) -> str:
    """Return a schedule without seconds and year, where it has them: such ones count the days of the week from Sunday as 1 (Quartz)."""
    fields = cron.split()
    if len(fields) not in (6, 7):
        return " ".join(fields)
    weekday = re.sub(r"(?<![#/\d])[1-7](?!\d)", lambda found: str(int(found[0]) - 1), fields[5])
    return " ".join([*fields[1:5], weekday])


def take_notification(found: Found, file: str, place: str, record: Mapping[str, Any], entry: dict[str, Any]) -> None:
    """Add who is told of the job's runs."""
    if not is_true(record.get("sendemailnotification", False)):
        return
    addresses = [item.strip() for item in re.split(r"[;,]", str(record.get("notifyemailto", ""))) if item.strip()]
    entry["notify"] = {"on": "errors" if is_true(record.get("emailerroronly", False)) else "all"}
    if addresses:
        entry["notify"]["to"] = addresses
    found.say(file, place, TAKEN, _("Mails go through the mail server of Settings, Notifications."))


def take_settings(found: Found, file: str, place: str, record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of all tasks that a job's options mean, those that differ from what holds without them."""
    options: dict[str, Any] = {}
    for key, value in record.items():
        name = option_named(key)
        if name is None:
            continue
        try:
            options[name] = OPTIONS[name].read(value if isinstance(value, bool | int) else str(value))
        except ValueError:
            if str(value) not in ("0", "-1"):  # no bound, as the other product says it
                found.say(file, place, LEFT, _("%(name)s is not taken over: its value can't be used."), name=name)
    blank = Settings()
    wanted = blank.under(Replicate(target=("",), options=options))
    settings = {
        item.name: getattr(wanted, item.name) for item in fields(Settings) if getattr(wanted, item.name) != getattr(blank, item.name)
    }
    settings |= {"continue_on_error": False} if "continueonerror" in record and not is_true(record["continueonerror"]) else {}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in settings.items()}


def names_of_settings() -> list[str]:
    """Return the names of all settings of moving."""
    return [item.name for item in fields(Settings)]


# ---- tasks ----


def take_task(found: Found, file: str, record: Mapping[str, Any]) -> None:
    """Add a task to its job."""
    job = safe_name(first(record, ("jobname",)))
    text = str(record.get("query", "")).strip() or f"REPLICATE {named([str(record['table'])])}"
    add_tasks(found, file, job, text)


def queries(record: Mapping[str, Any]) -> list[str]:
    """Return the statements of a job's record: Query#1, Query#2, ..., or a list."""
    numbered = sorted(
        (int(re.sub(r"\D", "", key) or 0), key) for key in record if QUERY.fullmatch(key) and not isinstance(record[key], list)
    )
    found = [str(record[key]) for _, key in numbered]
    for key in TASKS:
        for item in record.get(key, []) if isinstance(record.get(key), list) else []:
            inner = normal(item) if isinstance(item, Mapping) else {"query": item}
            text = first(inner, ("query", "statement")) or (named([str(inner["table"])]) if "table" in inner else "")
            found += [text if text.upper().startswith("REPLICATE") or "query" in inner else f"REPLICATE {text}"] if text else []
    return found


def as_list(value: Any) -> list[str]:
    """Return a list of texts, given as one or with commas."""
    return [str(item) for item in value] if isinstance(value, list) else str(value).split(",")


def add_tasks(found: Found, file: str, job: str, text: str) -> None:
    """Add the statements of a text to a job; the job may come from another file, or be made by it."""
    place = f"jobs/{job}"
    try:
        listed = statements(text)
    except Unreadable as error:
        found.refuse(file, place, error)
        return
    for statement in listed:
        if statement.problem:
            found.say(file, place, LEFT, "%(reason)s", reason=statement.problem)
    good = [statement.text for statement in listed if not statement.problem]
    entry = found.entries["jobs"].get(job)
    if good and entry is None:
        entry = {"tasks": []}
        found.add(file, "jobs", job, entry)
    if good and entry is not None:
        entry["tasks"] += [text for text in dict.fromkeys(good) if text not in entry["tasks"]]
        found.say(file, place, TAKEN, _("Tasks: %(count)s."), count=len(good))
