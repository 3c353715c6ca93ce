"""`manage.py check_connector NAME`: test a stored connection step by step. Exit 0 it works, 1 it does not."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from apiserver.server.commands import OwnCommand
from apiserver.server.configuration_protocol import nearest
from connections import services
from connections.contract.connector import TestStep
from connections.contract.errors import ConnectorError
from connections.models import Connection
from connections.vault import VaultError


class Command(OwnCommand):
    """Test a stored connection."""

    help = "Test a stored connection step by step, as Save & Test does; the result shows on the Connections page too."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the connection's name")
        parser.add_argument("--json", action="store_true", help="tell the result as one JSON line")

    def handle(self, *args: Any, **options: Any) -> None:
        self.migrate()
        name = options["name"]
        connection = Connection.objects.filter(name=name).first()
        steps: list[TestStep] = []
        error = hint = ""
        try:
            if connection is None:
                error = f"There is no connection {name!r}{nearest(name, Connection.objects.values_list('name', flat=True))}."
            else:
                steps = services.test_stored(connection, now=timezone.now())
        except ConnectorError as failed:
            error, hint = failed.message, failed.hint
        except VaultError as failed:
            error = str(failed)
        is_ok = not error and all(step.ok for step in steps)
        told = {"ok": is_ok, "connection": name, "steps": [asdict(step) for step in steps]}
        if options["json"]:
            self.stdout.write(json.dumps(told | ({"error": error, "hint": hint} if error else {})))
        else:
            self.tell(steps, error, hint)
        sys.exit(0 if is_ok else 1)

    def tell(self, steps: list[TestStep], error: str, hint: str) -> None:
        """Print what a person reads."""
        for step in steps:
            sign = "ok    " if step.ok else "FAILED"
            self.stdout.write(f"{sign}  {step.name:<12} {step.seconds * 1000:7.0f} ms  {step.message}".rstrip())
            if step.hint and not step.ok:
                self.stdout.write(f"{'':8}{'':12} {step.hint}")
        if error:
            self.stderr.write(f"{error} {hint}".rstrip())
