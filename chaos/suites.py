"""Promises that the suite proves: their tests are run alone, and what they count is added up."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from chaos.promises import promise, require
from tests.served import ROOT

COUNTED = re.compile(
    r"([\d,]+) (inputs|statements logged|literals|texts|attempts|questions|credentials|origins|planted payloads|pages|cases|answers)\b"
)


@dataclass(frozen=True, slots=True)
class Ran:
    """Tests that all passed, and the sums of what they say they counted."""

    passed: int
    sums: Mapping[str, int]

    def __getitem__(self, what: str) -> int:
        require(what in self.sums, f"no test counted {what}: {dict(self.sums)}")
        return self.sums[what]

    def __str__(self) -> str:
        counted = "".join(f", {number:,} {what}" for what, number in self.sums.items())
        return f"{self.passed} tests passed, 0 failed{counted}"


def ran(*arguments: str) -> Ran:
    """Run tests; raise Broken when one fails."""
    command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    passed = re.search(r"(\d+) passed.* in [\d.]+s", done.stdout)
    require(done.returncode == 0 and passed is not None, done.stdout[-600:] + done.stderr[-200:])
    sums = Counter[str]()
    for number, what in COUNTED.findall(done.stdout):
        sums[what] += int(number.replace(",", ""))
    return Ran(int(passed[1]), sums)  # type: ignore[index]


def hostile(*names: str) -> Ran:
    """Run files of tests/hostile."""
    return ran(*(f"tests/hostile/test_{name}.py" for name in names))


@promise("S1")
def request_text_never_becomes_sql() -> str:
    return str(hostile("generated", "injection", "sql_log"))


@promise("S2")
def no_input_gives_a_5xx() -> str:
    return str(hostile("requests", "manage", "generated", "schemathesis"))


@promise("S3")
def no_answer_shows_internals() -> str:
    return str(hostile("generated", "manage"))


@promise("S4")
def literals_are_data() -> str:
    found = hostile("literals")
    return (
        f"{found['literals']:,} literals, 0 wrong rows; {found['texts']:,} texts stored and read back unchanged; "
        f"{found['statements logged']:,} statements logged, 0 with a literal in them ({found.passed} tests)"
    )


@promise("S6")
def nothing_without_a_token() -> str:
    found = ran("tests/hostile/test_access.py", "tests/users/test_authentication.py", "-k", "token or authentication")
    tried = f"{found['attempts']:,}"
    return f"{tried} of {tried} attempts with {found['credentials']} bad credentials refused ({found.passed} tests)"


@promise("S8")
def a_role_does_only_what_it_was_given() -> str:
    found = ran("tests/compliance/test_rights.py", "tests/compliance/test_rights_random.py", "tests/manage/test_roles.py")
    return (
        f"0 of {found['attempts']:,} attempts beyond a role passed; {found['questions']:,} questions of users with random rights: "
        f"0 told more than a service that lacks the rest ({found.passed} tests)"
    )


@promise("S9")
def allow_list_cannot_be_talked_out_of() -> str:
    files = ("tests/hostile/test_access.py", "tests/server/test_addresses.py", "tests/server/test_gates.py")
    found = ran(*files, "-k", "address or forwarded or proxy")
    return f"0 of {found['attempts']:,} attempts passed ({found.passed} tests)"


@promise("S10")
def cors_is_exactly_the_setting() -> str:
    files = ("tests/hostile/test_access.py", "tests/server/test_middleware.py", "tests/server/test_gates.py")
    found = ran(*files, "-k", "cors or origin or sites")
    return f"{found['origins']} hostile origins, {found['attempts']:,} requests: 0 allowed ({found.passed} tests)"


@promise("S12")
def rows_cannot_attack_who_looks_at_them() -> str:
    return str(hostile("pages"))


@promise("S5")
def limits_are_refused_by_name() -> str:
    limits = ("tests/compliance/test_request_limits.py", "tests/compliance/test_limits.py")
    return str(ran(*limits, "tests/odata/test_deadline.py", "tests/odata/test_page_bytes.py"))
