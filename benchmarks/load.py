"""One slot of load: wrk against a web target, pgbench against the database; requests and CPU time of both sides."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import cpu

SCRIPT = """
local paths = {%s}
local most, at = %d, 0
function init(args) math.randomseed(tonumber(tostring({}):sub(8)) or 1) end
function request()
  at = at %% #paths + 1
  return wrk.format("GET", (paths[at]:gsub("{n}", tostring(math.random(1, most)))))
end
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('\\nRESULT {"requests": %%d, "failed": %%d, "p95_us": %%d}\\n', summary.requests,
    e.connect + e.read + e.write + e.status + e.timeout, latency:percentile(95)))
end
"""


@dataclass(frozen=True, slots=True)
class Slot:
    """What one slot showed. Milliseconds of CPU are per request."""

    per_second: float
    server_ms: float
    database_ms: float
    p95_ms: float

    @property
    def cpu_ms(self) -> float:
        return self.server_ms + self.database_ms


def web(
    base: str, paths: Sequence[str], headers: Mapping[str, str], *, most: int, connections: int, seconds: float, pid: int, database: int
) -> Slot:
    """Load a web target; raise when any answer was not a success."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        quoted = ", ".join(json.dumps(path) for path in paths)
        script.write(SCRIPT % (quoted, most))
        script.flush()
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:.0f}s", "--timeout", "60s", "-s", script.name, base]
        for name, value in headers.items():
            command += ["-H", f"{name}: {value}"]
        before = cpu.seconds(pid), cpu.seconds(database)
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        after = cpu.seconds(pid), cpu.seconds(database)
    found = json.loads(re.search(r"RESULT (.*)", printed)[1])  # type: ignore[index]
    if found["failed"] or not found["requests"]:
        raise RuntimeError(f"{base}{paths[0]}: {found['failed']} of {found['requests']} requests failed")
    lasted = float(re.search(r"requests in ([\d.]+)(ms|s|m)", printed)[1])  # type: ignore[index]
    count = found["requests"]
    spent = [(end - start) * 1000 / count for start, end in zip(before, after, strict=True)]
    return Slot(count / lasted, spent[0], spent[1], found["p95_us"] / 1000)


def bare(
    program: Path, address: Mapping[str, object], statements: Sequence[str], *, most: int, connections: int, seconds: float, database: int
) -> Slot:
    """Run the same SQL with nothing in front of the database."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "work.sql"
        script.write_text("".join(f"\\set n random(1, {most})\n{statement};\n" for statement in statements))
        command = [str(program), "-n", "-M", "prepared", "-c", str(min(connections, 16)), "-T", f"{seconds:.0f}", "-f", str(script)]
        command += ["-h", str(address["host"]), "-p", str(address["port"]), "-U", str(address["user"]), "bench"]
        before = cpu.seconds(database)
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        spent = cpu.seconds(database) - before
    count = int(re.search(r"actually processed: (\d+)", printed)[1]) * len(statements)  # type: ignore[index]
    rate = float(re.search(r"tps = ([\d.]+)", printed)[1]) * len(statements)  # type: ignore[index]
    return Slot(rate, 0.0, spent * 1000 / max(count, 1), 0.0)
