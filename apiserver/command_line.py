"""What `manage.py` runs: secrets leave the environment, a command runs, settings that can't work are told in one line."""

from __future__ import annotations

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, execute_from_command_line

from apiserver.handover import leave_environment


def main(arguments: list[str]) -> None:
    """Run one command; exit 1 with one line when settings or arguments can't be used."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "apiserver.settings")
    leave_environment()
    try:
        execute_from_command_line(arguments)
    except (ImproperlyConfigured, CommandError) as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)
