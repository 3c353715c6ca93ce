"""What is found in files of other products: entries of our configuration file, and notes on what became of each thing. Pure values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext_noop as _

TAKEN, DIFFERENT, LEFT = "taken", "different", "left"
SECTIONS = ("server", "connections", "resources", "jobs")  # in the order of applying
LONGEST_TEXT = 500


class Unreadable(ValueError):
    """A file, or a part of it, that can't be understood: why, with no value of a connection string in it."""

    def __init__(self, message: str, **values: object) -> None:
        super().__init__(message % values if values else message)
        self.message = message
        self.values = values


@dataclass(frozen=True, slots=True)
class Note:
    """What became of one thing. `subject` is the place in our configuration, such as `jobs/nightly`; '' = the whole file.

    `outcome`: taken, different (taken, but this is otherwise here) or left (not taken). Values of connection strings are never repeated.
    `message` is known to the catalogues of languages, `values` stand in it.
    """

    file: str
    subject: str
    outcome: str
    message: str
    values: Mapping[str, object] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The note in English."""
        return self.message % self.values if self.values else self.message


@dataclass(slots=True)
class Found:
    """All that a set of files holds. `server` has one entry, named ''."""

    entries: dict[str, dict[str, dict[str, Any]]] = field(default_factory=lambda: {section: {} for section in SECTIONS})
    files: dict[tuple[str, str], str] = field(default_factory=dict)  # (section, name) -> where it stood
    notes: list[Note] = field(default_factory=list)

    def say(self, file: str, subject: str, outcome: str, message: str, **values: object) -> None:
        """Remember what became of something."""
        short = {name: value[:LONGEST_TEXT] if isinstance(value, str) else value for name, value in values.items()}
        self.notes.append(Note(file, subject, outcome, message, short))

    def refuse(self, file: str, subject: str, error: Unreadable) -> None:
        """Remember what could not be understood."""
        self.say(file, subject, LEFT, error.message, **error.values)

    def add(self, file: str, section: str, name: str, entry: dict[str, Any]) -> bool:
        """Remember an entry; claim that its name was free. The second of a name is left."""
        if name in self.entries[section]:
            first = self.files[section, name]
            self.say(file, f"{section}/{name}", LEFT, _("An entry of this name stands in %(name)s too: that one is taken."), name=first)
            return False
        self.entries[section][name] = entry
        self.files[section, name] = file
        return True
