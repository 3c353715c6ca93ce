"""`manage.py diff FILE`: what apply would change. Exit 0 the same, 2 different, 1 the file can't be applied."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from apiserver.server import configuration
from apiserver.server.commands import OwnCommand
from apiserver.server.configuration_protocol import ConfigurationError
from apiserver.server.management.commands.apply import report, sealer_of
from connections.vault import VaultError


class Command(OwnCommand):
    """Compare a configuration file with the server."""

    help = "Show what `apply` would change; exit 0 the same, 2 different."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--prune", action="store_true")
        parser.add_argument("--json", action="store_true")
        parser.add_argument("--passphrase-file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        self.migrate()
        try:
            data = configuration.load(options["file"])
            change = configuration.diff(data, now=timezone.now(), prune=options["prune"], sealer=sealer_of(options))
        except (ConfigurationError, VaultError) as error:
            self.stderr.write(str(error))
            sys.exit(1)
        if options["json"]:
            self.stdout.write(json.dumps({name: value for name, value in report(change).items() if name != "authtokens"}))
        else:
            for sign, items in (("+", change.created), ("~", change.updated), ("-", change.deleted)):
                for item in items:
                    self.stdout.write(f"{sign} {item}")
        sys.exit(2 if change.is_any else 0)
