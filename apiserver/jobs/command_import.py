"""`manage.py job import FILE...`: definitions of the replaced products. It only tells what would be taken over, unless --apply is given."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml
from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from apiserver.jobs.command_words import WHO, add_json, line
from apiserver.jobs.importing.files import ENDINGS, MOST_BYTES, MOST_FILES, Wishes, found_in
from apiserver.jobs.importing.found import Found, Note
from apiserver.jobs.importing.taking import Taken, take_over
from apiserver.server.commands import OwnCommand
from apiserver.server.configuration_secrets import ByVariable
from connections.connectors.registry import get_connector

SIGNS = {"taken": "+", "different": "~", "left": "-"}


class ImportFiles:
    """The subcommand."""

    help = (
        "Take over definitions of the replaced products: jobs and connections (.cfg, .json, .xml), REPLICATE statements (.sql, .txt), "
        "published tables (.rsd), settings.cfg. Without --apply it only tells. Exit code 0: all of it, 2: some things are left, 1: nothing."
    )

    @staticmethod
    def add_arguments(parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="files, or folders with such files")
        parser.add_argument("--apply", action="store_true", help="take it over")
        parser.add_argument("--overwrite", action="store_true", help="also what has the name of something that exists")
        parser.add_argument("--source", default="", help="connection that jobs read whose files name none")
        parser.add_argument("--destination", default="", help="connection that jobs write whose files name none")
        parser.add_argument("--job", default="", help="job of statements that stand alone; default: the file's name")
        parser.add_argument("--output", type=Path, help="also write it as a configuration file; secrets become variables")
        add_json(parser, "it")

    def run(self, command: OwnCommand, options: dict[str, Any]) -> None:
        """Read, take over or try, tell."""
        wishes = Wishes(options["source"], options["destination"], options["job"])
        found = found_in(read(options["files"]), wishes)
        if options["output"]:
            write(options["output"], found)
        now = timezone.now()
        taken = take_over(found, now=now, who=WHO, is_dry=not options["apply"], overwrites=options["overwrite"])
        tell(command, taken, is_applied=options["apply"], is_json=options["json"])
        command.stdout.flush()
        sys.exit(0 if not taken.losses else 2 if taken.created or taken.updated else 1)


def read(paths: list[Path]) -> list[tuple[str, bytes]]:
    """Return the files with their names; of folders those whose endings are known. What is too large is cut, and so refused later."""
    found = []
    for path in paths:
        inner = sorted(item for item in path.rglob("*") if item.suffix.lower() in ENDINGS) if path.is_dir() else [path]
        for item in inner[: MOST_FILES + 1]:
            try:
                with item.open("rb") as file:
                    found.append((str(item.relative_to(path)) if path.is_dir() else item.name, file.read(MOST_BYTES + 1)))
            except OSError as error:
                raise CommandError(f"{item} can't be read: {error.strerror}.") from error
    return found


def tell(command: OwnCommand, taken: Taken, *, is_applied: bool, is_json: bool) -> None:
    """Tell what became of each thing."""
    told = {"applied": is_applied, "created": list(taken.created), "updated": list(taken.updated), "left": list(taken.left)}
    if is_json:
        command.stdout.write(line({**told, "notes": [as_data(note) for note in taken.notes]}))
        return
    for note in taken.notes:
        command.stdout.write(f"{SIGNS[note.outcome]} {note.file}: {note.subject}{': ' if note.subject else ''}{note.text}")
    word = "were" if is_applied else "would be"
    command.stdout.write(f"{len(taken.created)} entries {word} created, {len(taken.updated)} updated; not taken over: {taken.losses}.")
    if not is_applied and (taken.created or taken.updated):
        command.stdout.write("Nothing was changed: give --apply to take it over.")


def as_data(note: Note) -> dict[str, str]:
    """Return a note as data."""
    return {"file": note.file, "subject": note.subject, "outcome": note.outcome, "text": note.text}


def write(path: Path, found: Found) -> None:
    """Write what was found as a configuration file."""
    try:
        path.write_text(as_configuration(found), encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{path} can't be written: {error.strerror}.") from error


def as_configuration(found: Found) -> str:
    """Return what was found as YAML, with names of variables in the place of secrets."""
    secrets = ByVariable()
    data: dict[str, Any] = {section: dict(entries) for section, entries in found.entries.items() if entries}
    if "server" in data:
        data["server"] = data["server"][""]
    for name, entry in data.get("connections", {}).items():
        hidden = {item.name for item in get_connector(entry["connector"]).properties if item.is_secret}
        properties = {
            key: secrets.write("connections", name, key, value) if key in hidden else value for key, value in entry["properties"].items()
        }
        data["connections"][name] = {**entry, "properties": properties}
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=120)
