"""What was found in files of other products becomes part of the configuration, entry by entry: one that is refused stops no other.

Everything goes through the sections of the configuration file, which refuse what the console would refuse.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.module_loading import import_string

from apiserver.jobs.configuration import JobsSection
from apiserver.jobs.importing.found import DIFFERENT, LEFT, SECTIONS, TAKEN, Found, Note
from apiserver.jobs.models import Job
from apiserver.resources.models import Resource
from apiserver.server import audit, registry
from apiserver.server.configuration_protocol import Change, ConfigurationError
from apiserver.server.rest_errors import field_of
from connections.contract.errors import ConnectorError
from connections.models import Connection
from connections.vault import VaultError

MODELS = {"connections": Connection, "resources": Resource, "jobs": Job}
OPTIONAL = ("schedule", "timezone", "notify", "settings", "exclude", "schema", "table_prefix")  # a job can do without
MOST_TRIES = 200  # each leaves one part of a job out
STAYS = "There is one of this name, which stays as it is; choose to overwrite it, or rename it."


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of it. `created` and `updated`: places such as `jobs/nightly`; `left`: those that were not taken over."""

    notes: tuple[Note, ...]
    created: tuple[str, ...]
    updated: tuple[str, ...]
    left: tuple[str, ...]

    @property
    def losses(self) -> int:
        """How many notes tell of something that is not taken over."""
        return sum(note.outcome == LEFT for note in self.notes)


def take_over(found: Found, *, now: datetime, who: str, address: str = "", is_dry: bool, overwrites: bool = False) -> Taken:
    """Make what was found part of the configuration, or only try it (`is_dry`)."""
    change = Change(now)
    refused: dict[str, str] = {}
    with transaction.atomic():
        for section in SECTIONS:
            for name, entry in found.entries[section].items():
                place = f"{section}/{name}" if name else section
                problem = one(found, section, name, entry, change, overwrites=overwrites, who=who, address=address)
                if problem:
                    refused[place] = problem
        if change.is_any:
            audit.record("definitions taken over", who=who, address=address, created=change.created, updated=change.updated)
        if is_dry:
            transaction.set_rollback(True)
    notes = [note for note in found.notes if note.outcome == LEFT or note.subject not in refused]
    notes += [Note(found.files[split(place)], place, LEFT, "%(reason)s", {"reason": text}) for place, text in refused.items()]
    return Taken(tuple(sorted(notes, key=order)), tuple(change.created), tuple(change.updated), tuple(refused))


def order(note: Note) -> tuple[str, str, int]:
    """Return where a note stands: by its file, what it is about, and from good to bad."""
    return note.file, note.subject, (TAKEN, DIFFERENT, LEFT).index(note.outcome)


def split(place: str) -> tuple[str, str]:
    """Return the section and the name of a place."""
    section, _, name = place.partition("/")
    return section, name


def one(
    found: Found, section: str, name: str, entry: Mapping[str, Any], change: Change, *, overwrites: bool, who: str, address: str
) -> str:
    """Take over one entry; return why it was not, '' where it was."""
    exists = section in MODELS and MODELS[section]._default_manager.filter(name__iexact=name).exists()
    if exists and not overwrites:
        return STAYS
    part = JobsSection(who, address) if section == "jobs" else import_string(registry.SECTIONS[section])()
    values = dict(entry)
    for _ in range(MOST_TRIES):
        try:
            with transaction.atomic():
                part.apply({name: values} if name else values, change, prune=False)
        except (ConfigurationError, ConnectorError, ValidationError, VaultError) as error:
            smaller = without(found, name, values, error) if section == "jobs" else None
            if smaller is None:
                return told(error, section, name)
            values = smaller
            continue
        return ""
    return "Too much of it can't be taken over."


def told(error: Exception, section: str, name: str) -> str:
    """Return why an entry was refused, without the place that stands beside it."""
    text = " ".join(error.messages) if isinstance(error, ValidationError) else str(getattr(error, "message", "") or error)
    return text.removeprefix(f"{section}.{name}").removeprefix(":").strip(" .") + "."


def without(found: Found, name: str, values: Mapping[str, Any], error: Exception) -> dict[str, Any] | None:
    """Return a job without the part that is refused, and note that; None where it can't do without it."""
    place = f"jobs/{name}"
    file = found.files["jobs", name]
    cause = error.__cause__
    errors = {key: " ".join(texts) for key, texts in cause.message_dict.items()} if isinstance(cause, ValidationError) else {}
    errors = errors or {field_of(str(error), f"jobs.{name}"): told(error, "jobs", name)}
    wrong = {key.partition("[")[0].partition(".")[0] for key in errors}
    if not wrong <= {"tasks", *OPTIONAL} or (wrong == {"tasks"} and "tasks" in errors):
        return None
    if "kind" not in values and wrong == {"tasks"} and len(errors) == len(values["tasks"]):
        return None
    bad = {number for number in range(len(values["tasks"])) if f"tasks[{number}]" in errors}
    for number in sorted(bad):
        found.say(file, place, LEFT, "%(name)s: %(reason)s", name=values["tasks"][number][:120], reason=errors[f"tasks[{number}]"])
    for key in sorted(wrong - {"tasks"}):
        text = next(text for field, text in errors.items() if field.partition("[")[0].partition(".")[0] == key)
        message = "%(reason)s" if text.startswith(key) else "%(name)s: %(reason)s"
        found.say(file, place, LEFT, message, name=key, reason=text)
    kept = {key: value for key, value in values.items() if key not in wrong or key == "tasks"}
    return kept | {"tasks": [text for number, text in enumerate(values["tasks"]) if number not in bad]}
