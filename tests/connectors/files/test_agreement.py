"""Questions over files give the same rows whether the connector passes rows over or the engine looks at all of them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connections.contract.table import TableRef
from tests.connectors.agreement import check_agreement
from tests.connectors.files.folder import session

LINES = [
    f"{n},{'' if n % 4 == 0 else f'w{n % 5}'},{n % 6 - 2},{n % 9}.5,2026-01-{n % 27 + 1:02},"
    f"2026-01-01T0{n % 8}:00:00Z,{'true' if n % 3 else ''}"
    for n in range(1, 60)
]


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_the_same_rows_with_pushdown_on_and_off(tmp_path: Path, name: str) -> None:
    (tmp_path / "t.csv").write_text("Id,Word,Small,Price,Day,At,Flag\n" + "\n".join(LINES) + "\n")
    days = [None if n % 5 == 0 else dt.date(2026, 1, n % 27 + 1) for n in range(60)]
    prices = [None if n % 7 == 0 else Decimal(n) / 4 for n in range(60)]
    columns = {"Id": range(60), "Day": days, "Price": prices, "Text": [f"t{n % 4}" for n in range(60)]}
    pq.write_table(pa.table(columns), tmp_path / "t.parquet", row_group_size=9)
    opened = session(tmp_path)
    opened.list_tables()
    plain = TableRef("", "t")  # a file's name is no name of a resource
    opened._index[plain] = opened._index[TableRef("", name)]

    check_agreement(opened, plain)
