"""The real paconn, installed once into the tests' cache folder, and how it is led to the stand-in."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.fakes.installed import CACHE, installing
from tests.fakes.power_platform import PowerPlatform

PACONN = "paconn==0.0.21"
# What it needs and does not ask for: pkg_resources, gone from newer versions.
BESIDE = "setuptools<81"


def paconn_home() -> Path:
    """Return an environment of Python with paconn in it, as it comes from the package index."""
    folder = CACHE / f"venv-{PACONN}"
    with installing(folder) as is_wanted:
        if is_wanted:
            subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, timeout=300)
            command = [str(folder / "bin/python"), "-m", "pip", "install", "-q", "--disable-pip-version-check", PACONN, BESIDE]
            done = subprocess.run(command, capture_output=True, text=True, timeout=900)
            assert done.returncode == 0, done.stderr
    return folder


@dataclass(frozen=True)
class Machine:
    """A machine with paconn whose calls to the service arrive at the stand-in; its home is a folder of the test."""

    service: PowerPlatform
    home: Path
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables of its programs."""
        path = f"{paconn_home() / 'bin'}:{os.environ['PATH']}"
        own = {"HOME": str(self.home), "PATH": path, "PACONN_HOME": str(paconn_home()), "PYTHONWARNINGS": "ignore", "LANG": "C.UTF-8"}
        return own | self.service.environment()

    @property
    def has_credentials(self) -> bool:
        """Claim that something of a sign-in is left on it."""
        return (self.home / ".paconn").exists()

    def run(self, command: Sequence[str], *, answers: str = "", more: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run a program to its end."""
        return subprocess.run(
            command, cwd=self.folder, env=self.environment | (more or {}), input=answers, capture_output=True, text=True, timeout=120
        )

    def paconn(self, *arguments: str, answers: str = "") -> str:
        """Run paconn, which must end well; return what it says."""
        done = self.run(["paconn", *arguments], answers=answers)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr
