"""`manage.py reset_admin`: a new one-time link for an administrator who can't sign in."""

from __future__ import annotations

import json
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone
from django.utils.module_loading import import_string


class Command(BaseCommand):
    """Print a new set-up link."""

    help = "Print a one-time link that makes, or gives a new password to, an administrator."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", verbosity=0, interactive=False)
        path = f"/console/setup/{import_string('users.setup.new_link')(now=timezone.now())}"
        self.stdout.write(json.dumps({"setup_path": path}) if options["json"] else f"Open this path on your server, it works once: {path}")
