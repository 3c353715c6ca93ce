"""`manage.py check_connector NAME`: test a stored connection step by step, then its tables. Exit 0 all is well, 1 it is not."""

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
from connections.conformance import Finding, conformance
from connections.contract.connector import TestStep
from connections.contract.errors import ConnectorError
from connections.models import Connection
from connections.probing import probes
from connections.vault import VaultError


class Command(OwnCommand):
    """Test a stored connection and what it gives."""

    help = (
        "Test a stored connection step by step, as Save & Test does; then describe its tables, read the first rows of each and compare "
        "answers with pushdown on and off. Nothing is written."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the connection's name")
        parser.add_argument("--table", action="append", default=[], help="look at this table only (repeatable)")
        parser.add_argument("--tables", type=int, default=100, help="look at so many tables at most (100); 0 tests the connection only")
        parser.add_argument("--json", action="store_true", help="tell the result as one JSON line")

    def handle(self, *args: Any, **options: Any) -> None:
        self.migrate()
        name = options["name"]
        connection = Connection.objects.filter(name=name).first()
        steps: list[TestStep] = []
        findings: list[Finding] = []
        error = hint = ""
        try:
            if connection is None:
                error = f"There is no connection {name!r}{nearest(name, Connection.objects.values_list('name', flat=True))}."
            else:
                steps = services.test_stored(connection, now=timezone.now())
                if all(step.ok for step in steps) and options["tables"] > 0:
                    steps += probes(connection)
                    findings = self.looked_at(connection, options)
        except ConnectorError as failed:
            error, hint = failed.message, failed.hint
        except VaultError as failed:
            error = str(failed)
        is_ok = not error and all(step.ok for step in steps) and all(finding.ok for finding in findings)
        told = {"ok": is_ok, "connection": name, "steps": [asdict(step) for step in steps]}
        told["tables"] = [asdict(finding) for finding in findings]
        if options["json"]:
            self.stdout.write(json.dumps(told | ({"error": error, "hint": hint} if error else {})))
        else:
            self.tell(steps, findings, error, hint)
        sys.exit(0 if is_ok else 1)

    def looked_at(self, connection: Connection, options: dict[str, Any]) -> list[Finding]:
        """Return what is found of the tables; the session is closed again."""
        try:
            return list(conformance(connection, most=options["tables"], only=options["table"]))
        finally:
            services.SESSIONS.close()

    def tell(self, steps: list[TestStep], findings: list[Finding], error: str, hint: str) -> None:
        """Print what a person reads."""
        for step in steps:
            sign = "ok    " if step.ok else "FAILED"
            self.stdout.write(f"{sign}  {step.name:<12} {step.seconds * 1000:7.0f} ms  {step.message}".rstrip())
            if step.hint and not step.ok:
                self.stdout.write(f"{'':8}{'':12} {step.hint}")
        for finding in findings:
            sign = "ok    " if finding.ok else "FAILED"
            self.stdout.write(f"{sign}  {finding.step:<12} {finding.seconds * 1000:7.0f} ms  {finding.table}  {finding.message}".rstrip())
            if finding.hint and not finding.ok:
                self.stdout.write(f"{'':8}{'':12} {finding.hint}")
        if error:
            self.stderr.write(f"{error} {hint}".rstrip())
