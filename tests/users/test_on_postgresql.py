"""The OAuth provider's tests once more, with PostgreSQL as the product's own database: locks, constraints and times differ there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import databases
from tests.conftest import OWN_DATABASE, ROOT

FILES = ("test_oauth_provider.py", "test_oauth_clients.py", "test_tokens.py", "test_on_postgresql.py")


@pytest.mark.skipif(OWN_DATABASE in os.environ, reason="this is that run")
def test_oauth_provider_works_on_postgresql_too(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    given = databases.make("postgresql", "users_own", request, tmp_path).connection["properties"]
    url = f"postgresql://{given['User']}:{given['Password']}@{given['Server']}:{given['Port']}/{given['Database']}"
    ours = ("PYTEST_", "APISERVER_DATA_DIR", "DJANGO_SETTINGS_MODULE")  # the last would be read before tests/conftest.py says where
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *(f"tests/users/{name}" for name in FILES)]

    done = subprocess.run(command, cwd=ROOT, env={**kept, OWN_DATABASE: url}, capture_output=True, text=True, timeout=400)

    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None and int(passed[1]) > 60, done.stdout[-2000:]


@pytest.mark.skipif(OWN_DATABASE not in os.environ, reason="only in that run")
def test_this_run_has_postgresql() -> None:
    from django.db import connection

    assert connection.vendor == "postgresql"
