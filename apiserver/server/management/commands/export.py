"""`manage.py export [FILE]`: the whole configuration as YAML; secrets as variables, or sealed under a passphrase."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser

from apiserver.server import configuration
from apiserver.server.management.commands.apply import sealer_of


class Command(BaseCommand):
    """Export the configuration."""

    help = "Write the whole configuration as YAML."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, nargs="?")
        parser.add_argument("--passphrase-file", help="seal secrets under this passphrase")

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", verbosity=0, interactive=False)
        text = configuration.export(sealer_of(options))
        if options["file"]:
            options["file"].write_text(text, encoding="utf-8")
        else:
            self.stdout.write(text, ending="")
