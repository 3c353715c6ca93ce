"""Promises that the suite proves: their tests are run alone, and what they count is added up."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from chaos.promises import promise, require
from tests.served import ROOT

COUNTED = re.compile(r"([\d,]+) (inputs|statements logged|literals|texts|attempts|planted payloads|pages|cases|answers)\b")


def suite(*arguments: str) -> str:
    """Run tests; return how many passed and the sums of what they say they counted."""
    command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    passed = re.search(r"(\d+) passed", done.stdout)
    require(done.returncode == 0 and passed is not None, done.stdout[-600:] + done.stderr[-200:])
    sums: dict[str, int] = {}
    for number, what in COUNTED.findall(done.stdout):
        sums[what] = sums.get(what, 0) + int(number.replace(",", ""))
    counted = "".join(f", {number:,} {what}" for what, number in sums.items())
    return f"{passed[1]} tests passed, 0 failed{counted}"  # type: ignore[index]


def hostile(*names: str) -> str:
    """Run files of tests/hostile."""
    files = [f"tests/hostile/test_{name}.py" for name in names]
    return suite(*(name for name in files if (ROOT / Path(name)).exists()))


@promise("S1")
def request_text_never_becomes_sql() -> str:
    return hostile("generated", "injection", "sql_log")


@promise("S2")
def no_input_gives_a_5xx() -> str:
    return hostile("requests", "manage", "generated", "schemathesis")


@promise("S3")
def no_answer_shows_internals() -> str:
    return hostile("generated", "manage")


@promise("S4")
def literals_are_data() -> str:
    return hostile("literals")


@promise("S6")
def nothing_without_a_token() -> str:
    return suite("tests/hostile/test_access.py", "tests/users/test_authentication.py", "-k", "token or authentication")


@promise("S8")
def a_role_does_only_what_it_was_given() -> str:
    return suite("tests/compliance/test_rights.py", "tests/compliance/test_rights_random.py", "tests/manage/test_roles.py")


@promise("S9")
def allow_list_cannot_be_talked_out_of() -> str:
    return suite(
        "tests/hostile/test_access.py",
        "tests/server/test_addresses.py",
        "tests/server/test_gates.py",
        "-k",
        "address or forwarded or proxy",
    )


@promise("S10")
def cors_is_exactly_the_setting() -> str:
    return suite(
        "tests/hostile/test_access.py", "tests/server/test_middleware.py", "tests/server/test_gates.py", "-k", "cors or origin or sites"
    )


@promise("S12")
def rows_cannot_attack_who_looks_at_them() -> str:
    return hostile("pages")


@promise("S5")
def limits_are_refused_by_name() -> str:
    return suite("tests/compliance/test_request_limits.py", "tests/compliance/test_limits.py", "tests/odata/test_deadline.py")
