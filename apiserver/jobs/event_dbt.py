"""The event that runs dbt over the destination: a program of its own, begun by a list of words, never by a shell.

https://docs.getdbt.com/reference/dbt-commands
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from queue import Empty, Queue
from typing import IO, Any

import yaml
from django.conf import settings

from apiserver.jobs.dbt_process import OUT_OF_TIME
from apiserver.jobs.errors import JobError
from apiserver.jobs.event_dbt_profiles import ADAPTERS, PASSWORD, output_of
from apiserver.jobs.event_settings import DBT, Event
from apiserver.jobs.events import Doing
from apiserver.jobs.models import RunLine
from apiserver.server.masking import masked_anywhere
from connections.services import stored, values_of

PROJECT, PROFILES = "dbt_project.yml", "profiles.yml"
SECONDS, LOOK_SECONDS = 3600, 0.5
MOST_LINES, LONGEST_LINE, LAST_LINES = 2000, 2000, 40
MOST_BYTES = 2**20  # of a project file
CLOCK = re.compile(r"^\d\d:\d\d:\d\d(\s+|$)")  # the lines of our log have a time of their own
NO_ADAPTER = re.compile(r"Could not find adapter type (\w+)")
MISSING = {"mariadb": "dbt-mysql", "mysql5": "dbt-mysql"}  # adapters that come with another one's package
KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "SYSTEMROOT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")


def run_dbt(doing: Doing) -> str:
    """Run dbt to its end, its lines into the run's log; raise JobError where it fails."""
    given = doing.event[DBT]
    project = project_of(given["project"])
    with tempfile.TemporaryDirectory(prefix="apiserver-dbt-") as folder:
        place = Path(folder)
        environment = {name: os.environ[name] for name in (*KEPT, "APISERVER_LIFELINE") if name in os.environ}
        environment |= {"HOME": folder, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DO_NOT_TRACK": "1", "PYTHONUNBUFFERED": "1"}
        environment |= {"DBT_TARGET_PATH": str(place / "target"), "DBT_LOG_PATH": str(place / "logs")}
        environment |= profiles(doing.run.order, project, place, given)
        command = [*program(stored(doing.run.order["destination"]).connector), *words(given, project, place)]
        last = follow(doing, command, environment, int(given.get("seconds", SECONDS)))
    return f"dbt {given['command']} ended well. {last}".strip()


def project_of(text: str) -> Path:
    """Return the folder of a project, which lies below an allowed one."""
    folders = [folder.resolve() for folder in settings.ALLOWED_FOLDERS]
    places = [Path(text)] if Path(text).is_absolute() else [folder / text for folder in folders]
    for place in places:
        found = place.resolve()
        if any(found.is_relative_to(folder) for folder in folders) and (found / PROJECT).is_file():
            return found
    raise JobError(f"There is no dbt project {text}.", hint=f"A folder with {PROJECT}, below one that APISERVER_ALLOWED_FOLDERS names.")


def program(connector: str) -> list[str]:
    """Return the command of dbt: the one that is set, the one beside this Python, or the first of the path."""
    beside = Path(sys.executable).with_name("dbt.exe" if sys.platform == "win32" else "dbt")
    found = settings.DBT or (str(beside) if beside.is_file() else shutil.which("dbt"))
    if not found or not Path(found).is_file():
        adapter = ADAPTERS.get(connector, "dbt-postgres")
        hint = f"Run: pip install dbt-core {adapter}. Where it is installed elsewhere, set APISERVER_DBT to its command."
        raise JobError("dbt is not installed.", hint=hint)
    return [found]


def words(given: Event, project: Path, place: Path) -> list[str]:
    """Return what follows the command's name."""
    profiles_folder = project if (project / PROFILES).is_file() else place
    found = ["--no-use-colors", given["command"], "--project-dir", str(project), "--profiles-dir", str(profiles_folder)]
    for name in ("select", "exclude"):
        found += [f"--{name}", *given[name]] if name in given else []
    if "target" in given:
        found += ["--target", given["target"]]
    return [*found, "--threads", str(given["threads"])] if "threads" in given else found


def profiles(order: Mapping[str, Any], project: Path, place: Path, given: Event) -> dict[str, str]:
    """Write the profile of the destination where the project brings none; return the variables that it needs."""
    if (project / PROFILES).is_file():
        return {}
    destination = stored(order["destination"])
    values = values_of(destination)
    output = output_of(destination, values, order["schema"], given.get("threads"))
    target = given.get("target", "apiserver")
    text = yaml.safe_dump({profile_name(project): {"target": target, "outputs": {target: output}}})
    (place / PROFILES).write_text(text, encoding="utf-8")
    return {PASSWORD: str(values.get("Password") or "none")}


def profile_name(project: Path) -> str:
    """Return the profile that a project asks for."""
    path = project / PROJECT
    if path.stat().st_size > MOST_BYTES:
        raise JobError(f"{PROJECT} is larger than a project file is.")
    try:
        found: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        return str(found.get("profile") or found["name"])
    except (yaml.YAMLError, UnicodeDecodeError, AttributeError, KeyError, TypeError) as error:
        raise JobError(f"{PROJECT} can't be read.", hint="It needs a name and a profile.") from error


def follow(doing: Doing, command: Sequence[str], environment: dict[str, str], seconds: int) -> str:
    """Run the program until it ends, or until the run is to; return its last line."""
    process = subprocess.Popen(  # noqa: S603 - a list of words; no shell reads it
        [sys.executable, "-m", "apiserver.jobs.dbt_process", str(seconds), *command],
        cwd=settings.BASE_DIR,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    last: deque[str] = deque(maxlen=LAST_LINES)
    try:
        for line in lines(process, doing):
            last.append(line)
    finally:
        end(process)
    code = process.wait()
    if code == OUT_OF_TIME:
        raise JobError(f"dbt did not end within {seconds} s.", hint="Raise the event's seconds, or select fewer models.")
    if code and (missing := next((found[1] for line in last if (found := NO_ADAPTER.search(line))), "")):
        adapter = MISSING.get(missing, f"dbt-{missing}")
        raise JobError(f"dbt has no adapter {missing}.", hint=f"Run: pip install {adapter}, where dbt is installed.")
    if code:
        raise JobError(f"dbt ended with exit code {code}. {wrong(last)}".strip(), hint="Its lines stand in the log of the run.")
    return last[-1] if last else ""


def lines(process: subprocess.Popen[bytes], doing: Doing) -> Iterator[str]:
    """Give the lines of the program while it runs, each also to the run's log; raise when the run is to end."""
    assert process.stdout is not None
    queue: Queue[bytes | None] = Queue()
    threading.Thread(target=read, args=(process.stdout, queue), daemon=True, name="dbt").start()
    count = 0
    while True:
        doing.stop()
        try:
            raw = queue.get(timeout=LOOK_SECONDS)
        except Empty:
            continue
        if raw is None:
            return
        line = masked_anywhere(CLOCK.sub("", raw.decode("utf-8", "replace").replace("\0", "")).strip())[:LONGEST_LINE]
        count += 1
        if line and count <= MOST_LINES:
            doing.running.says(RunLine.DEBUG, f"dbt: {line}")
        if line:
            yield line


def read(stream: IO[bytes], queue: Queue[bytes | None]) -> None:
    """Put the lines of the program where they can be waited for; None at its end."""
    with stream:
        while raw := stream.readline(LONGEST_LINE):
            queue.put(raw)
    queue.put(None)


def end(process: subprocess.Popen[bytes]) -> None:
    """End the program with all that it began, if it still runs."""
    if process.poll() is None:
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wrong(last: Sequence[str]) -> str:
    """Return what of the last lines says what is wrong."""
    told = [line for line in last if "error" in line.lower()]
    return (told or list(last) or [""])[-1][:500]
