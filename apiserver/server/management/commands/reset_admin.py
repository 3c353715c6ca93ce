"""`manage.py reset_admin`: a new one-time link for an administrator who can't sign in."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone
from django.utils.module_loading import import_string

from apiserver.environment import env, env_int
from apiserver.server import audit, options
from apiserver.server.commands import OwnCommand


class Command(OwnCommand):
    """Print a new set-up link."""

    help = "Print a one-time link that makes, or gives a new password to, an administrator."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **arguments: Any) -> None:
        self.migrate()
        path = f"/console/setup/{import_string('users.setup.new_link')(now=timezone.now())}"
        audit.record("set-up link made", who="reset_admin")
        port = env_int("APISERVER_PORT", env_int("PORT", 8153))
        base = options.current().public_url or f"http://{env('APISERVER_HOST') or '127.0.0.1'}:{port}"
        if arguments["json"]:
            self.stdout.write(json.dumps({"setup_url": f"{base}{path}", "setup_path": path}))
        else:
            self.stdout.write(f"Open this link, it works once and for a day: {base}{path}")
