"""Promises that need neither faults nor minutes are kept with every change; the page that lists them is complete."""

from __future__ import annotations

import re

import pytest

from chaos.document import FILE, with_figure
from chaos.promises import CHECKS, Broken, Check, carry_out, load, require

QUICK = ("S7", "S11", "S16", "S18", "S19", "S24", "R17")
ROW = re.compile(r"^\| [SR]\d+ \|.*\|$", re.MULTILINE)


@pytest.mark.parametrize("name", QUICK)
def test_promise_holds(name: str) -> None:
    outcome = carry_out(load()[name])

    assert outcome.holds, outcome.figure


def test_every_promise_has_a_row_with_figure_date_and_command() -> None:
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in ROW.findall(FILE.read_text(encoding="utf-8"))]

    assert sorted(row[5].strip("`").removeprefix("python -m chaos ") for row in rows) == sorted(load())
    assert all(len(row) == 6 and re.search(r"\d", row[3]) and re.fullmatch(r"\d{4}-\d\d-\d\d", row[4]) for row in rows)


def test_a_broken_promise_is_told_and_not_written() -> None:
    def check() -> str:
        require(False, "two rows were lost")
        return "0 lost"

    outcome = carry_out(Check("X1", check))

    assert (outcome.holds, outcome.figure) == (False, "Broken: two rows were lost")
    with pytest.raises(Broken):
        check()
    assert "X1" not in CHECKS


def test_figure_replaces_the_one_before() -> None:
    text = "| X1 | a | b | old | 2020-01-01 | `python -m chaos X1` |\n| X2 | c | d | - | - | `python -m chaos X2` |\n"

    found = with_figure(text, "X1", "0 of 5", "2026-11-21")

    assert found == text.replace("old | 2020-01-01", "0 of 5 | 2026-11-21")
    with pytest.raises(ValueError, match="X3"):
        with_figure(text, "X3", "1", "2026-11-21")
