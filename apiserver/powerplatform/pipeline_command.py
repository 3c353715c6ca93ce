"""`manage.py powerplatform pipeline --kind azure|github|jenkins [--output FILE]`: a pipeline with variables to be filled in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from apiserver.powerplatform.pipelines import KINDS, pipeline
from apiserver.server.commands import OwnCommand


class WritePipeline:
    """The subcommand."""

    help = "Write a pipeline that deploys the API and its connector."

    @staticmethod
    def add_arguments(parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("--kind", choices=sorted(KINDS), required=True)
        parser.add_argument("--output", type=Path, help="the file to write; the standard output without it")

    @staticmethod
    def run(command: OwnCommand, options: dict[str, Any]) -> None:
        """Write the pipeline."""
        text = pipeline(options["kind"])
        if options["output"] is None:
            command.stdout.write(text, ending="")
            return
        try:
            options["output"].write_text(text, encoding="utf-8")
        except OSError as error:
            raise CommandError(f"Nothing was written. {error}") from error
