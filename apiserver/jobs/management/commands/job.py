"""`manage.py job run|list|...`: jobs without the console; each subcommand is a class of the room."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils.module_loading import import_string

from apiserver.server.commands import OwnCommand

# Name -> a class with `help`, `add_arguments(parser)` and `run(command, options)`.
SUBCOMMANDS = {
    "run": "apiserver.jobs.command_run.RunJob",
    "list": "apiserver.jobs.command_look.ListJobs",
    "status": "apiserver.jobs.command_look.ShowStatus",
    "history": "apiserver.jobs.command_look.ShowHistory",
    "log": "apiserver.jobs.command_look.ShowLog",
    "cancel": "apiserver.jobs.command_act.CancelJob",
    "dry-run": "apiserver.jobs.command_act.DryRunJob",
    "import": "apiserver.jobs.command_import.ImportFiles",
}


class Command(OwnCommand):
    """Runs one of the subcommands."""

    help = "Replication jobs: run, watch, cancel, look at what they would do, take over those of another product."

    def add_arguments(self, parser: CommandParser) -> None:
        found = parser.add_subparsers(dest="subcommand", required=True, metavar="|".join(SUBCOMMANDS))
        for name, path in SUBCOMMANDS.items():
            subcommand = import_string(path)
            own = found.add_parser(name, help=subcommand.help, description=subcommand.help)
            own.called_from_command_line = False
            subcommand.add_arguments(own)

    def handle(self, *args: Any, **options: Any) -> None:
        self.migrate()
        import_string(SUBCOMMANDS[options["subcommand"]])().run(self, options)
