"""`manage.py powerplatform diff OLD NEW`: what differs between two packages or definitions, and whether flows break.

Exit codes: 0 the contract is the same (texts may differ), 2 safe changes, 3 breaking changes, 1 something can't be read.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apiserver.powerplatform.contract_findings import BREAKING, SAFE, level_of
from apiserver.powerplatform.contract_markdown import as_json, lines, markdown
from apiserver.powerplatform.contract_packages import compare_packages
from apiserver.powerplatform.contract_source import NotReadable, read

CODES = {BREAKING: 3, SAFE: 2}


class Diff:
    """The subcommand."""

    help = "Tell what differs between two packages or definitions. Exit code: 0 the same contract, 2 safe changes, 3 breaking ones."

    @staticmethod
    def add_arguments(parser: CommandParser) -> None:
        """Declare the arguments."""
        about = "a definition, a package as folder or zip, an address of $oas, or - for standard input"
        parser.add_argument("old", help=about)
        parser.add_argument("new", help=about)
        parser.add_argument("--json", action="store_true", help="tell the result as one JSON line")
        parser.add_argument("--markdown", action="store_true", help="tell the result as Markdown")

    @staticmethod
    def run(command: BaseCommand, options: dict[str, Any]) -> None:
        """Compare, tell, exit."""
        if options["old"] == options["new"] == "-":
            raise CommandError("Only one of the two can be the standard input.")
        try:
            findings = compare_packages(read(options["old"]), read(options["new"]))
        except NotReadable as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            command.stdout.write(json.dumps(as_json(findings)))
        elif options["markdown"]:
            command.stdout.write(markdown(findings, "Changes of the contract"), ending="")
        else:
            for line in lines(findings):
                command.stdout.write(line)
        if code := CODES.get(level_of(findings), 0):
            command.stdout.flush()
            sys.exit(code)
