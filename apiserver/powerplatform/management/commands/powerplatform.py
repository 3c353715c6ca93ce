"""`manage.py powerplatform diff|...`: what pipelines of connectors need; each part is a class of the room."""

from __future__ import annotations

from apiserver.server.commands import CommandOfParts


class Command(CommandOfParts):
    """Runs one of the parts."""

    help = "Connectors for Power Platform: packages, pipelines, and what differs between two definitions."
    parts = {
        "diff": "apiserver.powerplatform.contract_command.Diff",
        "package": "apiserver.powerplatform.package_command.MakePackage",
        "pipeline": "apiserver.powerplatform.pipeline_command.WritePipeline",
    }
