"""The oracle sees what it must see: a marker outside of a literal, however the statement is dressed."""

from __future__ import annotations

import pytest

from tests.hostile import sql_log
from tests.hostile.payloads import MARK

STAMP = "2026-01-02 03:04:05.678 UTC [42] "
GOOD = (
    "SELECT a FROM t WHERE b = $1",
    f"SELECT a FROM t WHERE b = '{MARK}'",
    f"SELECT a FROM t WHERE b = '{MARK}'' OR {MARK}'",
    f"SELECT a FROM t\n\tWHERE b = 'x\n\t{MARK}'",
)
BAD = (
    f"SELECT a FROM t WHERE b = '{MARK}' OR {MARK}",
    f'SELECT "{MARK}" FROM t',
    f"SELECT a FROM t /* {MARK} */",
    f"SELECT a FROM t -- {MARK}",
    f"SELECT a FROM t WHERE b = 'x' ORDER BY\n\t{MARK}",
    f"SELECT a FROM t WHERE b = {MARK.upper()}",
    f"SELECT a FROM t WHERE b = '{MARK}",
)


@pytest.mark.parametrize(("sqls", "offenders"), [(GOOD, 0), (BAD, len(BAD)), ((*GOOD, *BAD), len(BAD))])
@pytest.mark.parametrize("words", ["LOG:  statement: ", "LOG:  execute <unnamed>: ", "LOG:  execute _pg3_0: ", "STATEMENT:  "])
def test_postgres_log(sqls: tuple[str, ...], offenders: int, words: str) -> None:
    noise = f'{STAMP}ERROR:  invalid input: "{MARK}"\n{STAMP}DETAIL:  {MARK}\n'
    verdict = sql_log.postgres("".join(f"{STAMP}{words}{sql}\n{noise}" for sql in sqls))

    assert (verdict.statements, len(verdict.offenders)) == (len(sqls), offenders)


@pytest.mark.parametrize(("sqls", "offenders"), [(GOOD, 0), (BAD, len(BAD)), ((*GOOD, *BAD), len(BAD))])
@pytest.mark.parametrize("start", ["\t\t    71 ", "261121  8:48:01\t    71 ", "261121 18:48:01\t123456 "])
def test_mariadb_log(sqls: tuple[str, ...], offenders: int, start: str) -> None:
    head = f"Tcp port: 3306\nTime\t\t    Id Command\tArgument\n{start}Connect\troot@localhost on {MARK}\n"
    sqls = tuple(sql.replace('"', "`") for sql in sqls)
    verdict = sql_log.mariadb(head + "".join(f"{start}Query\t{sql}\n" for sql in sqls) + f"{start}Quit\t\n")

    assert (verdict.statements, len(verdict.offenders)) == (len(sqls), offenders)
