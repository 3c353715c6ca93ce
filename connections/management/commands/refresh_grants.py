"""`manage.py refresh_grants`: renew OAuth grants that nothing used for a week, as the running server does. Exit 1 when one is lost."""

from __future__ import annotations

import json
import sys
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from apiserver.server.commands import OwnCommand
from connections.models import OAuthGrant
from connections.oauth import grants


class Command(OwnCommand):
    """Keep idle grants alive."""

    help = "Renew OAuth grants that nothing used for a week, so that the services do not forget them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="tell the result as one JSON line")

    def handle(self, *args: Any, **options: Any) -> None:
        self.migrate()
        renewed = grants.refresh_idle_grants(now=timezone.now())
        lost = list(OAuthGrant.objects.exclude(problem="").values_list("connection__name", "problem"))
        if options["json"]:
            self.stdout.write(json.dumps({"renewed": renewed, "lost": [{"connection": name, "problem": text} for name, text in lost]}))
        else:
            self.stdout.write(f"{renewed} renewed")
            for name, text in lost:
                self.stdout.write(f"{name}: {text} {grants.AGAIN}")
        sys.exit(int(bool(lost)))
