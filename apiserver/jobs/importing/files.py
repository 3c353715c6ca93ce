"""Files of the replaced products, told apart by name and content.

`.rsd` tables, XML of the command line, settings.cfg and other .cfg files, JSON of the REST API, REPLICATE statements.
"""

from __future__ import annotations

import configparser
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from django.utils.translation import gettext_noop as _

from apiserver.jobs.importing import records
from apiserver.jobs.importing.found import DIFFERENT, LEFT, TAKEN, Found, Unreadable
from apiserver.jobs.importing.markup import Node, parse
from apiserver.jobs.importing.strings import connected
from apiserver.resources import names
from apiserver.server.options import FILE_NAMES, SWITCHES

MOST_FILES, MOST_BYTES, MOST_BYTES_IN_ALL = 500, 1024 * 1024, 5 * 1024 * 1024
ENDINGS = (".rsd", ".xml", ".cfg", ".ini", ".json", ".sql", ".txt", ".rsb")
SERVER = set(FILE_NAMES.values()) - {"install_connectors"}
# TaskSchedulerInterval of the command line's files, with hour and minute of TaskSchedulerStartTime -> cron.
INTERVALS = {
    "hourly": "{minute} * * * *",
    "daily": "{minute} {hour} * * *",
    "weekly": "{minute} {hour} * * 0",
    "monthly": "{minute} {hour} 1 * *",
}


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the files do not say: connections of jobs that name none, and the job of statements that stand alone."""

    source: str = ""
    destination: str = ""
    job: str = ""


def found_in(files: Iterable[tuple[str, bytes]], wishes: Wishes) -> Found:
    """Return what all these files hold; every file has at least one note."""
    found = Found()
    total = 0
    for number, (name, raw) in enumerate(files):
        total += len(raw)
        if number >= MOST_FILES or len(raw) > MOST_BYTES or total > MOST_BYTES_IN_ALL:
            found.say(name, "", LEFT, _("Too much: %(count)s files, 1 MB each and 5 MB in all are read at a time."), count=MOST_FILES)
            continue
        before = len(found.notes)
        try:
            read_one(found, name, raw, wishes)
        except Unreadable as error:
            found.refuse(name, "", error)
        except RecursionError:
            found.say(name, "", LEFT, _("It is nested too deep."))
        if len(found.notes) == before:
            found.say(name, "", LEFT, _("Nothing in it is known here."))
    complete(found, wishes)
    return found


def read_one(found: Found, name: str, raw: bytes, wishes: Wishes) -> None:
    """Add what one file holds."""
    ending, head = PurePath(name).suffix.lower(), raw.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if ending == ".rsb":
        found.say(name, "", LEFT, _("Stored procedures and scripts of the other product are not taken over."))
    elif ending == ".rsd" or head == b"<":
        read_markup(found, name, parse(raw))
    elif ending in (".cfg", ".ini"):
        read_settings(found, name, text_of(raw))
    elif ending == ".json" or head in (b"{", b"["):
        read_json(found, name, text_of(raw))
    else:
        job = wishes.job or records.safe_name(PurePath(name).stem)
        records.add_tasks(found, name, job, text_of(raw))


def text_of(raw: bytes) -> str:
    """Return a file's text; editors of Windows write UTF-16 as well."""
    try:
        return raw.decode("utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(_("It is no text in UTF-8 or UTF-16.")) from error


def read_json(found: Found, name: str, text: str) -> None:
    """Add what answers of the REST API hold."""
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise Unreadable(_("It is no JSON: line %(line)s, column %(column)s."), line=error.lineno, column=error.colno) from error
    for record in sorted(records.records(data), key=records.is_task):
        records.take(found, name, record)


# ---- settings.cfg and other .cfg files ----


def read_settings(found: Found, name: str, text: str) -> None:
    """Add what stands in sections of name = value."""
    reader = configparser.ConfigParser(interpolation=None, strict=False, allow_no_value=True, delimiters=("=",))
    reader.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        reader.read_string(text)
    except configparser.Error as error:
        raise Unreadable(_("It has no sections of name = value.")) from error
    for section in reader.sections():
        record = records.normal({"name": section, **dict(reader.items(section))})
        if section.lower() == "application":
            read_application(found, name, record)
            continue
        if "source" in record and "destination" in record:
            record = {"jobname": record["name"], **record}
        if records.is_record(record):
            records.take(found, name, record)
        else:
            found.say(name, section[:80], LEFT, _("This section is not known here."))


def read_application(found: Found, name: str, record: dict[str, Any]) -> None:
    """Add what the section [Application] says that this server has a setting for."""
    settings: dict[str, Any] = {}
    for key, value in record.items():
        ours = FILE_NAMES.get(key, "")
        if ours in SERVER and str(value).lower() in SWITCHES:
            settings[ours] = SWITCHES[str(value).lower()]
        elif key != "name":
            found.say(name, "server", LEFT, _("%(name)s of [Application] has no counterpart in the settings."), name=key[:60])
    if settings and found.add(name, "server", "", settings):
        found.say(name, "server", TAKEN, "%(value)s", value=", ".join(f"{key}: {str(value).lower()}" for key, value in settings.items()))


# ---- XML ----


def read_markup(found: Found, name: str, root: Node) -> None:
    """Add what an XML file holds: a table, or a job of the command line."""
    info = [root] if root.name == "info" else root.every("info")
    if info:
        read_table(found, name, root, info[0])
    elif root.name.lower() == "cdatasync":
        read_command_line(found, name, {child.name.lower(): child.text.strip() for child in root.children})
    else:
        raise Unreadable(_("XML with the root element %(name)s is not known here."), name=root.name[:40])


def read_table(found: Found, name: str, root: Node, info: Node) -> None:
    """Add a published table: the file's name is the resource's, `title` the table's; columns that are left out are not published."""
    stem = PurePath(name).stem
    resource, table = names.identifier(stem), info.attributes.get("title", "") or stem
    connection = info.attributes.get("connection", "")
    entry: dict[str, Any] = {"connection": records.safe_name(connection) if connection else "", "table": table}
    if info.attributes.get("description") or info.attributes.get("desc"):
        entry["description"] = info.attributes.get("description") or info.attributes.get("desc")
    columns, key = columns_of(info)
    entry |= {"columns": columns} if columns else {}
    entry |= {"key": key} if key else {}
    place = f"resources/{resource}"
    if not found.add(name, "resources", resource, entry):
        return
    found.say(name, place, TAKEN, _("Table %(name)s, columns: %(count)s."), name=table, count=len(columns))
    if resource != stem:
        found.say(name, place, DIFFERENT, _("It was called %(name)s: names of resources are simple identifiers here."), name=stem[:80])
    if any(child.name not in ("info", "attr", "input", "output") for child in root.children):
        found.say(name, place, LEFT, _("Its script (how rows are asked for) is not taken over: the connector does that here."))
    if info.every("input"):
        found.say(name, place, LEFT, _("Inputs that are no columns (pseudo columns) are not taken over."))


def columns_of(info: Node) -> tuple[dict[str, Any], list[str]]:
    """Return the columns by name with what is said of them, and those of the key."""
    columns: dict[str, Any] = {}
    key = []
    for item in info.every("attr"):
        column = item.attributes.get("name", "")
        if not column:
            continue
        said: dict[str, Any] = {"name": item.attributes["alias"]} if item.attributes.get("alias") else {}
        if item.attributes.get("desc") or item.attributes.get("description"):
            said["description"] = item.attributes.get("desc") or item.attributes.get("description")
        if records.is_true(item.attributes.get("readonly", "")) and not records.is_true(item.attributes.get("key", "")):
            said["read_only"] = True
        columns[column] = said
        key += [column] if records.is_true(item.attributes.get("key", "")) else []
    return columns, key


def read_command_line(found: Found, name: str, values: dict[str, str]) -> None:
    """Add the two connections and the job of one file of the command line; its statements stand in files of their own."""
    stem = PurePath(name).stem
    ends = {}
    for end, text, provider in (
        ("source", values.get("connectionstring", ""), values.get("provider", "")),
        ("destination", values.get("databaseconnectionstring", ""), values.get("databasetype", "") or values.get("databaseprovider", "")),
    ):
        try:
            made = connected(text, provider)
        except Unreadable as error:
            found.refuse(name, f"connections/{records.safe_name(stem)}_{end}", error)
            continue
        ends[end] = records.add_connection(
            found, name, f"{stem}_{end}", made.connector, made.properties, made.left, is_signed_in=made.is_signed_in
        )
    is_all = records.is_true(values.get("replicateall", ""))
    job: dict[str, Any] = {"tasks": [], **ends, **({"kind": "all_tables"} if is_all else {})}
    place = f"jobs/{records.safe_name(stem)}"
    if not found.add(name, "jobs", records.safe_name(stem), job):
        return
    found.say(name, place, TAKEN, _("A job for all tables.") if is_all else _("A job; its statements stand in files of their own."))
    interval, start = values.get("taskschedulerinterval", "").lower(), values.get("taskschedulerstarttime", "")
    hour, minute = (number_of(part) for part in start.partition(":")[::2])
    if interval in INTERVALS:
        job |= {"schedule": INTERVALS[interval].format(hour=hour, minute=minute), "paused": True}
        found.say(name, place, DIFFERENT, records.PAUSED)
    elif interval not in ("", "never"):
        found.say(name, place, LEFT, _("The interval %(value)s is not known here: set the schedule of the job."), value=interval[:40])
    if values.get("notificationusername"):
        found.say(name, place, LEFT, _("Its mail server is not taken over: see Settings, Notifications."))


def number_of(text: str) -> int:
    """Return an hour or a minute; 0 where it is none."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 3 else 0


# ---- what is still missing ----


def complete(found: Found, wishes: Wishes) -> None:
    """Give jobs the connections that their files do not name: those wished for, else the only job's that has both."""
    jobs = found.entries["jobs"]
    whole = [
        entry for entry in jobs.values() if entry.get("destination") and not entry["tasks"] and entry.get("kind", "standard") == "standard"
    ]
    for name, entry in list(jobs.items()):
        if entry.get("destination") and entry.get("source"):
            continue
        if entry["tasks"] and not wishes.destination and len(whole) == 1:  # statements beside one file of the command line
            whole[0]["tasks"] += [text for text in entry["tasks"] if text not in whole[0]["tasks"]]
            other = next(key for key, value in jobs.items() if value is whole[0])
            found.say(found.files["jobs", name], f"jobs/{other}", TAKEN, _("These tasks are of this job: it is the only one without any."))
            del jobs[name]
            continue
        for end, wish in (("source", wishes.source), ("destination", wishes.destination)):
            if wish and not entry.get(end):
                entry[end] = wish
