"""The shell steps of a pipeline, read from its file as the build service would: in order, with the variables that each is given."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml


@dataclass(frozen=True)
class ShellStep:
    """One step; `is_always`: run whatever happened before."""

    title: str
    script: str
    given: tuple[str, ...] = ()
    is_always: bool = False


def azure(text: str) -> list[ShellStep]:
    """Return the steps of azure-pipelines.yml."""
    found = []
    for stage in yaml.safe_load(text)["stages"]:
        for job in stage["jobs"]:
            for step in job.get("steps") or job["strategy"]["runOnce"]["deploy"]["steps"]:
                if "bash" in step:
                    names = [value.strip("$()") for value in step.get("env", {}).values()]
                    found.append(ShellStep(step["displayName"], step["bash"], tuple(names), step.get("condition") == "always()"))
    return found


def github(text: str) -> list[ShellStep]:
    """Return the steps of a workflow, its jobs in the order of their needs."""
    document = yaml.safe_load(text)
    return [
        ShellStep(step["name"], step["run"], tuple(secrets_of(step)), step.get("if") == "always()")
        for job in in_order(document["jobs"])
        for step in job["steps"]
        if "run" in step
    ]


def secrets_of(step: dict[str, Any]) -> Iterator[str]:
    """Yield the secrets that a step sees."""
    for value in step.get("env", {}).values():
        yield re.fullmatch(r"\$\{\{ secrets\.(\w+) \}\}", value)[1]  # type: ignore[index]


def in_order(jobs: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the jobs, each behind the one it needs."""
    found: list[str] = []
    while len(found) < len(jobs):
        found += [name for name, job in jobs.items() if name not in found and job.get("needs", "") in ("", *found)]
    return [jobs[name] for name in found]


def jenkins(text: str) -> list[ShellStep]:
    """Return the steps of a Jenkinsfile; the text between ''' is Groovy's, where a backslash stands doubled."""
    stages, _, post = text.partition("  post {")
    found = []
    for title, body in re.findall(r"stage\('([^']+)'\) \{ steps \{\n(.*?)\n    \} \}", stages, re.DOTALL):
        names = re.findall(r"variable: '(\w+)'", body)
        found.append(ShellStep(title, groovy(body), tuple(names)))
    return [*found, ShellStep("always", groovy(post), is_always=True)]


def groovy(text: str) -> str:
    """Return the script within a step's text."""
    return re.findall(r"sh '''(.*?)'''", text, re.DOTALL)[0].replace("\\\\", "\\")


READERS = {"azure": azure, "github": github, "jenkins": jenkins}
