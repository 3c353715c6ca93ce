"""`manage.py rotate_keys`: seal every secret anew with the first key of APISERVER_ENCRYPTION_KEYS."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction
from django.utils.module_loading import import_string

from apiserver.server.registry import SEALED


class Command(BaseCommand):
    """Seal all secrets anew."""

    help = "Seal every stored secret with the first key; after that the older keys can go."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true")

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        count = sum(import_string(path)() for path in SEALED)
        self.stdout.write(json.dumps({"rotated": count}) if options["json"] else f"{count} secrets are sealed with the first key.")
