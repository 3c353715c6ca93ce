"""`manage.py apply FILE`: make the server as the configuration file says."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from apiserver.server import configuration
from apiserver.server.commands import OwnCommand
from apiserver.server.configuration_protocol import Change, ConfigurationError
from apiserver.server.configuration_secrets import Sealer
from connections.vault import VaultError


def sealer_of(options: dict[str, Any]) -> Sealer | None:
    """Return the sealer of --passphrase-file."""
    path = options.get("passphrase_file")
    return Sealer.from_file(path) if path else None


def report(change: Change) -> dict[str, Any]:
    """Return what was done as the contract's JSON."""
    return {
        "changed": change.is_any,
        "created": change.created,
        "updated": change.updated,
        "deleted": change.deleted,
        "authtokens": change.authtokens,
    }


class Command(OwnCommand):
    """Apply a configuration file."""

    help = "Make the server as the configuration file says: whole, or not at all."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--prune", action="store_true", help="delete what the file does not mention")
        parser.add_argument("--json", action="store_true", help="tell the result as one JSON line")
        parser.add_argument("--passphrase-file", type=Path, help="opens sealed secrets")

    def handle(self, *args: Any, **options: Any) -> None:
        self.migrate()
        try:
            data = configuration.load(options["file"])
            change = configuration.apply(data, now=timezone.now(), prune=options["prune"], sealer=sealer_of(options))
        except (ConfigurationError, VaultError) as error:
            if options["json"]:
                self.stdout.write(json.dumps({"changed": False, "error": str(error)}))
            self.stderr.write(f"Nothing was changed. {error}")
            sys.exit(1)
        if options["json"]:
            self.stdout.write(json.dumps(report(change)))
            return
        for word in ("created", "updated", "deleted"):
            for item in getattr(change, word):
                self.stdout.write(f"{word:8} {item}")
        for name, token in change.authtokens.items():
            self.stdout.write(f"authtoken of {name}: {token}")
        if not change.is_any:
            self.stdout.write("Nothing to change.")
