"""What jobs are measured beside: a bare COPY pipe, ingestr and sling, each installed in a virtual environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.replicate_data import DESTINATION, NAMES, SOURCE, Ends, Load

# APISERVER_BENCH_PEERS: another folder for the peers, which are installed once.
PEERS = Path(os.environ.get("APISERVER_BENCH_PEERS") or Path(__file__).resolve().parent.parent / ".venv" / "bench-peers")
QUIET = {"DISABLE_TELEMETRY": "true", "INGESTR_DISABLE_TELEMETRY": "true", "SLING_DISABLE_TELEMETRY": "TRUE", "DO_NOT_TRACK": "1"}
BLOCK = 1 << 20


def installed(package: str, program: str) -> Path:
    """Install a package; return its program."""
    folder = PEERS / package
    found = folder / "bin" / program
    if not found.exists():
        print(f"Installing {package} ...", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(folder / "bin" / "pip"), "install", "-q", "--disable-pip-version-check", package], check=True)
    return found


def run(command: list[str]) -> float:
    """Run a program; return the seconds."""
    begun = time.perf_counter()
    done = subprocess.run(command, env={**os.environ, **QUIET, "HOME": str(PEERS)}, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{Path(command[0]).name} failed: {(done.stdout + done.stderr)[-1500:]}")
    return time.perf_counter() - begun


def ingestr(ends: Ends, load: Load) -> float:
    """Load with ingestr 0.15.9."""
    program = installed("ingestr==0.15.9", "ingestr")
    source = f"sqlite:///{ends.file}" if load.source == "sqlite" else ends.url(SOURCE)
    table = "main.orders" if load.source == "sqlite" else "public.orders"
    command = [str(program), "ingest", "--source-uri", source, "--source-table", table, "--dest-uri", ends.url(DESTINATION)]
    command += ["--dest-table", f"public.{load.table}", "--yes", "--progress", "log"]
    if load.case == "upsert":
        command += ["--incremental-strategy", "merge", "--primary-key", "id", "--incremental-key", "changed"]
        command += [] if load.number < 0 else ["--interval-start", last(ends, load.table)]
    else:
        command += ["--full-refresh"]
    return run(command)


def last(ends: Ends, table: str) -> str:
    """Return the largest check value of a table: what a scheduler would hand over."""
    with ends.connect(DESTINATION) as connection:
        (found,) = connection.execute(f'SELECT max(changed) FROM "{table}"').fetchone()  # type: ignore[call-overload, misc]
    return str(found.replace(tzinfo=None).isoformat())


def sling(ends: Ends, load: Load) -> float:
    """Load with sling 1.3.5."""
    program = installed("sling==1.3.5", "sling")
    source = f"sqlite://{ends.file}" if load.source == "sqlite" else f"{ends.url(SOURCE)}?sslmode=disable"
    stream = "main.orders" if load.source == "sqlite" else "public.orders"
    command = [str(program), "run", "--src-conn", source, "--src-stream", stream]
    command += ["--tgt-conn", f"{ends.url(DESTINATION)}?sslmode=disable", "--tgt-object", f"public.{load.table}"]
    command += ["--mode", "incremental" if load.case == "upsert" else "full-refresh"]
    command += ["--primary-key", "id", "--update-key", "changed"] if load.case == "upsert" else []
    # It takes the types of a SQLite file for texts unless it is told.
    told = {"placed": "datetime", "changed": "datetime", "weight": "decimal"}
    command += ["--columns", json.dumps(told)] if load.source == "sqlite" else []
    return run(command)


def pipe(ends: Ends, load: Load) -> float:
    """Load by COPY on both sides and nothing between; the key is made as ours makes it."""
    begun = time.perf_counter()
    if load.case == "sqlite":
        piped_file(ends, load.table)
    elif load.case == "table" or load.number < 0:
        piped_table(ends, load.table)
    else:
        piped_changes(ends, load.table)
    return time.perf_counter() - begun


def made(ends: Ends, table: str) -> str:
    """Return the SQL that makes the table without its key."""
    from benchmarks.replicate_data import COLUMNS

    return f'CREATE TABLE "{table}" ({COLUMNS.replace(" PRIMARY KEY", "")})'


def piped_table(ends: Ends, table: str) -> None:
    """Copy the whole table in binary."""
    with ends.connect(SOURCE) as source, ends.connect(DESTINATION) as destination, destination.transaction():
        destination.execute(made(ends, table))  # type: ignore[call-overload]
        with (
            source.cursor().copy("COPY orders TO STDOUT (FORMAT binary)") as out,
            destination.cursor().copy(f'COPY "{table}" FROM STDIN (FORMAT binary)') as into,  # type: ignore[arg-type]
        ):
            for data in out:
                into.write(data)
        destination.execute(f'ALTER TABLE "{table}" ADD PRIMARY KEY (id)')  # type: ignore[call-overload]


def piped_file(ends: Ends, table: str) -> None:
    """Copy what SQLite's own program writes as CSV."""
    command = ["sqlite3", "-csv", str(ends.file), "SELECT * FROM orders"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as out, ends.connect(DESTINATION) as destination, destination.transaction():
        assert out.stdout is not None
        destination.execute(made(ends, table))  # type: ignore[call-overload]
        with destination.cursor().copy(f'COPY "{table}" FROM STDIN (FORMAT csv)') as into:  # type: ignore[arg-type]
            while data := out.stdout.read(BLOCK):
                into.write(data)
        destination.execute(f'ALTER TABLE "{table}" ADD PRIMARY KEY (id)')  # type: ignore[call-overload]


def piped_changes(ends: Ends, table: str) -> None:
    """Copy what is newer into a stage and upsert it."""
    sets = ", ".join(f"{name} = EXCLUDED.{name}" for name in NAMES.split(", ") if name != "id")
    with ends.connect(SOURCE) as source, ends.connect(DESTINATION) as destination, destination.transaction():
        (mark,) = destination.execute(f'SELECT max(changed) FROM "{table}"').fetchone()  # type: ignore[call-overload, misc]
        destination.execute(f'CREATE TEMP TABLE stage ON COMMIT DROP AS SELECT * FROM "{table}" WITH NO DATA')  # type: ignore[call-overload]
        with (
            source.cursor().copy("COPY (SELECT * FROM orders WHERE changed >= %s) TO STDOUT (FORMAT binary)", (mark,)) as out,
            destination.cursor().copy("COPY stage FROM STDIN (FORMAT binary)") as into,
        ):
            for data in out:
                into.write(data)
        destination.execute(f'INSERT INTO "{table}" SELECT * FROM stage ON CONFLICT (id) DO UPDATE SET {sets}')  # type: ignore[call-overload]
