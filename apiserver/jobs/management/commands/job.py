"""`manage.py job run|list|...`: jobs without the console; each part is a class of the room."""

from __future__ import annotations

from typing import Any

from apiserver.server.commands import CommandOfParts


class Command(CommandOfParts):
    """Runs one of the parts."""

    help = "Replication jobs: run, watch, cancel, look at what they would do, take over those of another product."
    parts = {
        "run": "apiserver.jobs.command_run.RunJob",
        "list": "apiserver.jobs.command_look.ListJobs",
        "status": "apiserver.jobs.command_look.ShowStatus",
        "history": "apiserver.jobs.command_look.ShowHistory",
        "log": "apiserver.jobs.command_look.ShowLog",
        "cancel": "apiserver.jobs.command_act.CancelJob",
        "dry-run": "apiserver.jobs.command_act.DryRunJob",
        "import": "apiserver.jobs.command_import.ImportFiles",
    }

    def handle(self, *args: Any, **options: Any) -> None:
        """Bring the database up to date: jobs live in it."""
        self.migrate()
        super().handle(*args, **options)
