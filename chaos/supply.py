"""S23: what the product is made of: no high finding in its code, no warning of the framework, known and permitted licences."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from chaos.promises import promise, require
from tests.served import ROOT, environment

PACKAGES = ("apiserver", "connections", "users")
COPYLEFT = ("GPL", "AGPL", "SSPL", "EUPL", "CPAL")
# What is loaded, not linked into the product, and why: docs/decisions/0002-packages.md.
PERMITTED = {"psycopg": "LGPL", "psycopg-binary": "LGPL", "paramiko": "LGPL", "jwcrypto": "LGPL"}


def run(*command: str, extra: dict[str, str] | None = None) -> str:
    """Run a tool and return what it prints; its findings are in its exit code too."""
    with tempfile.TemporaryDirectory() as data:
        done = subprocess.run(
            [sys.executable, *command], cwd=ROOT, capture_output=True, text=True, env=environment(Path(data), extra), timeout=300
        )
    return done.stdout + (done.stderr if not done.stdout else "")


def findings() -> dict[str, int]:
    """Return bandit's findings in the product's code by severity."""
    found = json.loads(run("-m", "bandit", "-q", "-r", *PACKAGES, "-f", "json", "-x", "*/migrations/*"))
    counted = {"HIGH": 0, "MEDIUM": 0, "LOW": 0}
    for item in found["results"]:
        counted[item["issue_severity"]] += 1
    return counted


def warnings() -> list[str]:
    """Return what `check --deploy` complains of, as it runs behind https."""
    shown = run("manage.py", "check", "--deploy", extra={"APISERVER_SECURE_COOKIES": "true"})
    return [line for line in shown.splitlines() if line.startswith("?: (")]


def pinned() -> dict[str, str]:
    """Return the product's packages and versions as requirements.txt pins them."""
    lines = [line.partition("#")[0].strip() for line in (ROOT / "requirements.txt").read_text().splitlines()]
    found = dict(line.split("==") for line in lines if line)
    return {name.partition("[")[0].lower(): version for name, version in found.items()}


def components() -> list[dict[str, Any]]:
    """Return the parts that a bill of materials of requirements.txt names."""
    found: list[dict[str, Any]] = json.loads(run("-m", "cyclonedx_py", "requirements", "requirements.txt"))["components"]
    return found


def licences() -> dict[str, str]:
    """Return the licence of every package that the product's packages bring along."""
    listed = json.loads(run("-m", "piplicenses", "--format=json", "--from=mixed"))
    wanted = closure(pinned())
    return {item["Name"]: item["License"] for item in listed if item["Name"].lower() in wanted}


def closure(names: Iterable[str]) -> set[str]:
    """Return packages and what they need."""
    import re
    from importlib.metadata import PackageNotFoundError, requires

    found, left = set(), list(names)
    while left:
        name = left.pop().lower().replace("_", "-")
        if name in found:
            continue
        try:
            needed = requires(name) or []
        except PackageNotFoundError:  # for another platform
            continue
        found.add(name)
        left += [re.split(r"[^\w.-]", item)[0] for item in needed if "extra ==" not in item]
        left += ["psycopg-binary"] if name == "psycopg" else []
    return found


@promise("S23")
def the_supply_chain_is_clean() -> str:
    counted, told, parts, known = findings(), warnings(), components(), licences()
    require(counted["HIGH"] == 0, f"bandit: {counted}")
    require(not told, told)
    require(
        {part["name"].lower() for part in parts} == set(pinned()) and all("version" in part for part in parts), "the bill is not complete"
    )
    copyleft = {name for name, text in known.items() if any(word in text for word in COPYLEFT)} - set(PERMITTED)
    require(not copyleft, f"{ {name: known[name] for name in copyleft} }")
    return (
        f"bandit: 0 high, {counted['MEDIUM']} medium, {counted['LOW']} low; check --deploy: 0 warnings; "
        f"bill of materials: {len(parts)} pinned packages; {len(known)} licences, {len(PERMITTED)} LGPL, 0 other copyleft"
    )
