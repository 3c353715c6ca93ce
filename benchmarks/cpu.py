"""CPU time of a process and everything below it, from /proc."""

from __future__ import annotations

import os
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def family(root: int) -> list[int]:
    """Return a process and all below it."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        fields = stat(int(folder.name)) if folder.name.isdigit() else None
        if fields:
            children.setdefault(int(fields[1]), []).append(int(folder.name))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def stat(pid: int) -> list[str] | None:
    """Return the fields of /proc/PID/stat behind the name; None for a process that is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def seconds(root: int) -> float:
    """Return the CPU seconds used so far, children that ended included."""
    found = [stat(pid) for pid in family(root)]
    return sum(sum(int(value) for value in fields[11:15]) for fields in found if fields) / TICK


def memory(root: int) -> int:
    """Return the bytes that the processes hold, what they share counted once (PSS)."""
    total = 0
    for pid in family(root):
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return total


def peaks(root: int) -> dict[int, int]:
    """Return the most bytes that each process of the family has held (VmHWM)."""
    found = {}
    for pid in family(root):
        try:
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError):
            continue
        for line in lines:
            if line.startswith("VmHWM:"):
                found[pid] = int(line.split()[1]) * 1024
    return found


def growth(before: dict[int, int], after: dict[int, int]) -> int:
    """Return by how many bytes the peak of that process rose which grew most."""
    return max((size - before.get(pid, 0) for pid, size in after.items()), default=0)
