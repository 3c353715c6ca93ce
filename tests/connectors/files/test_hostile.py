"""Files made to hurt end in an error that names them, or are read as what they are; none calls out."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from connections.contract.errors import ConnectorError
from tests.connectors.files.folder import offer, session
from tests.connectors.files.hostile_files import makers

HARMLESS = {"external.xlsx", "macro.xlsm", "formula.xlsx", "formula.csv", "empty.csv", "shared.parquet"}
NAMES = list(makers(0))


@pytest.mark.parametrize("name", NAMES)
def test_file_is_named_or_harmless(tmp_path: Path, name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0)
        (tmp_path / name).write_bytes(makers(listening.getsockname()[1])[name]())
        opened = session(tmp_path, URI=name)
        told = ""
        try:
            for item in opened.list_tables():
                table = opened.describe([item.ref])[0]
                for batch in opened.read(offer(opened, table)):
                    assert len(batch.rows) <= 1000
        except ConnectorError as error:
            told = error.message
        with pytest.raises(BlockingIOError):
            listening.accept()

    assert (name in told) == (name not in HARMLESS), told


def test_one_broken_workbook_hides_no_other_file(tmp_path: Path) -> None:
    (tmp_path / "cut.xlsx").write_bytes(makers(0)["cut.xlsx"]())
    (tmp_path / "good.csv").write_text("a\n1\n")

    found = {str(item.ref): item.comment for item in session(tmp_path).list_tables()}

    assert found == {"cut.xlsx.cut.xlsx": "cut.xlsx is no readable Excel workbook.", "good.csv": ""}
