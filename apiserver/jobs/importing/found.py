"""What is found in files of other products: entries of our configuration file, and notes on what became of each thing. Pure values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

TAKEN, DIFFERENT, LEFT = "taken", "different", "left"
SECTIONS = ("server", "connections", "resources", "jobs")  # in the order of applying
LONGEST_TEXT = 500


class Unreadable(ValueError):
    """A file, or a part of it, that can't be understood; the text says why and repeats no value of it."""


@dataclass(frozen=True, slots=True)
class Note:
    """What became of one thing. `subject` is the place in our configuration, such as `jobs/nightly`; '' = the whole file.

    `outcome`: taken, different (taken, but this is otherwise here) or left (not taken). Values of connection strings are never repeated.
    """

    file: str
    subject: str
    outcome: str
    text: str


@dataclass(slots=True)
class Found:
    """All that a set of files holds. `server` has one entry, named ''."""

    entries: dict[str, dict[str, dict[str, Any]]] = field(default_factory=lambda: {section: {} for section in SECTIONS})
    files: dict[tuple[str, str], str] = field(default_factory=dict)  # (section, name) -> where it stood
    notes: list[Note] = field(default_factory=list)

    def note(self, file: str, subject: str, outcome: str, text: str) -> None:
        """Remember what became of something."""
        self.notes.append(Note(file, subject, outcome, text[:LONGEST_TEXT]))

    def add(self, file: str, section: str, name: str, entry: dict[str, Any]) -> bool:
        """Remember an entry; claim that its name was free. The second of a name is left."""
        if name in self.entries[section]:
            self.note(file, f"{section}/{name}", LEFT, f"{self.files[section, name]} holds an entry of this name, which is taken.")
            return False
        self.entries[section][name] = entry
        self.files[section, name] = file
        return True
