"""Secrets pass from process to process: as they were, once, and in no environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from apiserver import handover
from tests.served import ROOT, environment

SECRETS = {"APISERVER_SECRET_KEY": "k" * 200_000, "DATABASE_URL": "postgres://u:p\u00e4ss\udc80@h/d"}
SHOW = """
import json, os
from pathlib import Path
pid = os.environ.get("STARTED_AS", str(os.getpid()))
os.environ["STARTED_AS"] = pid
from apiserver.handover import leave_environment, received
leave_environment()
print(json.dumps({"pid": pid, "here": str(os.getpid()), "got": received(), "shown": Path("/proc/self/environ").read_text()}))
"""


def test_hand_over_is_read_as_it_was_and_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handover.Received, "secrets", {})
    descriptor = handover.hand_over(SECRETS)
    monkeypatch.setenv(handover.VARIABLE, str(descriptor))

    assert handover.received() == handover.received() == SECRETS
    assert handover.VARIABLE not in os.environ
    with pytest.raises(OSError):
        os.fstat(descriptor)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows a first environment for life")
def test_command_leaves_its_environment_and_stays_the_same_process(tmp_path: Path) -> None:
    extra = {"APISERVER_SECRET_KEY": "k" * 50, "APISERVER_REDIS_URL": "redis://:word@localhost/0"}
    command = [sys.executable, "-X", "utf8", "-c", SHOW, "--flag"]

    done = subprocess.run(command, cwd=ROOT, env=environment(tmp_path, extra), capture_output=True, text=True, check=True)

    told = json.loads(done.stdout)
    assert told["got"] == extra
    assert told["pid"] == told["here"]
    assert "kkk" not in told["shown"] and "word" not in told["shown"]
