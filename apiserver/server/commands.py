"""What the product's own commands share: bad settings, bad arguments and a database that is away are told in one line, exit code 1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.core.checks import CheckMessage, Tags, run_checks
from django.core.checks.registry import registry
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, InterfaceError, OperationalError
from django.utils.module_loading import import_string

# Checks of our code, not of settings: the tests run them. They load every page, which is a third of a command's start.
OF_CODE = {Tags.urls, Tags.templates}


class OwnCommand(BaseCommand):
    """A command of the product."""

    def create_parser(self, *args: Any, **kwargs: Any) -> CommandParser:
        """Return a parser whose refusals exit 1: argparse's own 2 means "different" for diff."""
        parser = super().create_parser(*args, **kwargs)
        parser.called_from_command_line = False
        return parser

    def check(self, *args: Any, **kwargs: Any) -> None:
        """Raise for settings that can't work, before anything is done; warn of those that do nothing."""
        found = run_checks(tags=sorted(registry.tags_available() - OF_CODE))
        serious = [told(message) for message in found if message.is_serious()]
        if serious:
            raise CommandError(" ".join(serious))
        for message in found:
            self.stderr.write(self.style.WARNING(told(message)))

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run the command; the product's own database may be away."""
        try:
            return super().execute(*args, **options)
        except (OperationalError, InterfaceError) as error:
            raise database_error(error) from error

    def migrate(self) -> None:
        """Bring the product's own database up to date."""
        try:
            call_command("migrate", verbosity=0, interactive=False)
        except DatabaseError as error:
            raise database_error(error) from error


class CommandOfParts(OwnCommand):
    """A command whose first argument names what to do.

    A part is a class with `help`, `add_arguments(parser)` and `run(command, options)`.
    """

    parts: ClassVar[Mapping[str, str]]  # name -> dotted path of its class

    def add_arguments(self, parser: CommandParser) -> None:
        """Give each part a parser of its own."""
        found = parser.add_subparsers(dest="subcommand", required=True, metavar="|".join(self.parts))
        for name, path in self.parts.items():
            part = import_string(path)
            own = found.add_parser(name, help=part.help, description=part.help)
            own.called_from_command_line = False
            part.add_arguments(own)

    def handle(self, *args: Any, **options: Any) -> None:
        """Do the part that was named."""
        import_string(self.parts[options["subcommand"]])().run(self, options)


def told(message: CheckMessage) -> str:
    """Return what is wrong and what to do, in one line."""
    return f"{message.msg} {message.hint or ''}".strip()


def database_error(error: Exception) -> CommandError:
    """Return what is told of a failure of the product's own database."""
    reason = " ".join(str(error).split())
    return CommandError(f"The product's own database (APISERVER_DATABASE_URL) can't be used: {reason}")
