"""`manage.py powerplatform diff|...`: what pipelines of connectors need; each subcommand is a module of the room."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils.module_loading import import_string

from apiserver.server.commands import OwnCommand

# Name -> a class with `help`, `add_arguments(parser)` and `run(command, options)`.
SUBCOMMANDS = {
    "diff": "apiserver.powerplatform.contract_command.Diff",
    "package": "apiserver.powerplatform.package_command.MakePackage",
    "pipeline": "apiserver.powerplatform.pipeline_command.WritePipeline",
}


class Command(OwnCommand):
    """Runs one of the subcommands."""

    help = "Connectors for Power Platform: packages, pipelines, and what differs between two definitions."

    def add_arguments(self, parser: CommandParser) -> None:
        found = parser.add_subparsers(dest="subcommand", required=True, metavar="|".join(SUBCOMMANDS))
        for name, path in SUBCOMMANDS.items():
            subcommand = import_string(path)
            own = found.add_parser(name, help=subcommand.help, description=subcommand.help)
            own.called_from_command_line = False
            subcommand.add_arguments(own)

    def handle(self, *args: Any, **options: Any) -> None:
        import_string(SUBCOMMANDS[options["subcommand"]]).run(self, options)
