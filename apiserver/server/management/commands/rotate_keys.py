"""`manage.py rotate_keys`: seal every secret with a new key, without a stop: older keys stay in the ring and go on opening.

The key file gets a new key. Keys from APISERVER_ENCRYPTION_KEYS are the operator's: put a new one first, restart, then run this.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.db import transaction
from django.utils.module_loading import import_string

from apiserver import environment
from apiserver.server import audit, lifeline, stamp
from apiserver.server.commands import OwnCommand
from apiserver.server.registry import SEALED
from connections import vault


class Command(OwnCommand):
    """Seal all secrets anew."""

    help = "Seal every stored secret with a new key; --drop-old then forgets the older keys."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true")
        parser.add_argument("--drop-old", action="store_true", help="keep only the first key; the server must be stopped")

    def handle(self, *args: Any, **options: Any) -> None:
        self.migrate()
        directory, is_ours = Path(settings.DATA_DIR), environment.KEYS_VARIABLE not in settings.SECRETS
        keys = environment.encryption_keys(directory, settings.SECRETS)
        if not options["drop_old"]:
            if is_ours:
                keys = [environment.new_key(), *keys]
                environment.replace_keys(directory, keys)
            count = self.reseal(keys)
        elif not is_ours:
            raise CommandError(f"Take the older keys out of {environment.KEYS_VARIABLE} yourself; this command can't.")
        else:
            count = self.drop_old(directory, keys)
        self.stdout.write(json.dumps({"rotated": count}) if options["json"] else f"{count} secrets are sealed with the first key.")

    def reseal(self, keys: list[str]) -> int:
        """Seal what is not sealed with the first key; return how many secrets that were."""
        vault.configure(keys)
        try:
            with transaction.atomic():
                count = sum(import_string(path)() for path in SEALED)
                audit.record("encryption keys rotated", who="rotate_keys", secrets=count)
                stamp.changed()
        except vault.VaultError as error:
            raise CommandError(f"{error} Nothing was sealed anew.") from error
        return count

    def drop_old(self, directory: Path, keys: list[str]) -> int:
        """Keep only the first key. A running server may still seal with an older one."""
        try:
            lock = lifeline.hold(directory / "serve.lock")
        except lifeline.AlreadyRunning as error:
            raise CommandError(str(error)) from error
        with lock:
            count = self.reseal(keys)
            environment.replace_keys(directory, keys[:1])
        return count
