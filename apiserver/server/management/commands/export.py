"""`manage.py export [FILE]`: the whole configuration as YAML; secrets as variables, or sealed under a passphrase."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from apiserver.server import configuration
from apiserver.server.commands import OwnCommand
from apiserver.server.configuration_protocol import ConfigurationError
from apiserver.server.management.commands.apply import sealer_of
from apiserver.server.registry_checks import settle_all
from connections.vault import VaultError


class Command(OwnCommand):
    """Export the configuration."""

    help = "Write the whole configuration as YAML."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, nargs="?")
        parser.add_argument("--passphrase-file", type=Path, help="seal secrets under this passphrase")

    def handle(self, *args: Any, **options: Any) -> None:
        self.migrate()
        try:
            settle_all()
            text = configuration.export(sealer_of(options))
            if options["file"]:
                options["file"].write_text(text, encoding="utf-8")
        except (ConfigurationError, VaultError, OSError) as error:
            raise CommandError(f"Nothing was exported. {error}") from error
        if not options["file"]:
            self.stdout.write(text, ending="")
