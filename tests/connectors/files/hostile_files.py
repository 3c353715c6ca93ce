"""Files made to hurt whoever opens them: bombs, endless rows, deep nesting, entities, lies about their kind."""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq

MIB = 2**20
SHEET = '<?xml version="1.0"?>{doctype}<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{rows}</sheetData></worksheet>'
CELL = '<row r="{row}"><c r="{name}{row}"><v>1</v></c></row>'


def workbook(**parts: bytes) -> bytes:
    """Return a workbook with some of its parts exchanged; parts are named by the end of their paths, `_` for the dot."""
    buffer, made = io.BytesIO(), io.BytesIO()
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.append(["a"])
    book.save(made)
    with zipfile.ZipFile(made) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            name = entry.filename.rpartition("/")[2].replace(".", "_")
            new.writestr(entry.filename, parts.pop(name, old.read(entry)))
        for name, content in parts.items():
            new.writestr(name, content)
    return buffer.getvalue()


def bomb(told_size: int) -> bytes:
    """Return a workbook whose sheet opens to 10 GiB of blanks; its table of contents says `told_size`."""
    plain = workbook()
    with zipfile.ZipFile(io.BytesIO(plain)) as old:
        kept = {entry.filename: old.read(entry) for entry in old.infolist()}
    press = zlib.compressobj(9, zlib.DEFLATED, -15)
    head = press.compress(SHEET.partition("{rows}")[0].format(doctype="").encode()) + press.flush(zlib.Z_FULL_FLUSH)
    blanks = press.compress(b" " * (16 * MIB)) + press.flush(zlib.Z_FULL_FLUSH)
    content = head + blanks * 640 + press.flush()
    files = [(name, zipfile.ZIP_STORED, text, len(text)) for name, text in kept.items() if "sheet1" not in name]
    return archive([*files, ("xl/worksheets/sheet1.xml", zipfile.ZIP_DEFLATED, content, told_size)])


def archive(files: list[tuple[str, int, bytes, int]]) -> bytes:
    """Return a zip file of entries as they are given, true or not."""
    body, directory = b"", b""
    for name, method, content, size in files:
        crc = zlib.crc32(content) if method == zipfile.ZIP_STORED else 0
        common = struct.pack("<HHHHHIIIHH", 20, 0, method, 0, 33, crc, len(content), min(size, 2**32 - 2), len(name), 0)
        directory += b"PK\x01\x02" + struct.pack("<H", 20) + common + struct.pack("<HHHII", 0, 0, 0, 0, len(body)) + name.encode()
        body += b"PK\x03\x04" + common + name.encode() + content
    return body + directory + b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, len(files), len(files), len(directory), len(body), 0)


def sheet(rows: str, doctype: str = "") -> bytes:
    """Return a workbook with this sheet."""
    return workbook(sheet1_xml=SHEET.format(rows=rows, doctype=doctype).encode())


def entities(port: int) -> str:
    """Return a document type that grows a thousand million times and asks for an address."""
    grown = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    return f'<!DOCTYPE x [<!ENTITY e0 "lol">{grown}<!ENTITY out SYSTEM "http://127.0.0.1:{port}/canary"><!ENTITY file SYSTEM "file:///etc/passwd">]>'


def parquet(rows: int) -> bytes:
    """Return a Parquet file of one text that all rows share."""
    buffer = io.BytesIO()
    shared = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array(["x" * MIB]))
    pq.write_table(pa.table({"t": shared}), buffer)
    return buffer.getvalue()


def makers(port: int) -> dict[str, Callable[[], bytes]]:
    """Return name -> content; `port` is one that nobody must call."""
    external = f'<Relationship Id="rId99" Type="x" TargetMode="External" Target="http://127.0.0.1:{port}/canary"/></Relationships>'.encode()
    rels = b'<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    return {
        "bomb.xlsx": lambda: bomb(10 * 2**30),
        "lying-bomb.xlsx": lambda: bomb(100),
        "far-cell.xlsx": lambda: sheet(CELL.format(row=1, name="A") + CELL.format(row=1048576, name="XFD")),
        "unnamed-cells.xlsx": lambda: sheet("<row><c><v>1</v></c></row>" * 10 + "<row>" + "<c/>" * 2_000_000 + "</row>"),
        "entities.xlsx": lambda: sheet("<row r='1'><c r='A1' t='str'><v>&e9;&out;&file;</v></c></row>", entities(port)),
        "external.xlsx": lambda: workbook(**{"xl/worksheets/_rels/sheet1.xml.rels": rels + external}),
        "macro.xlsm": lambda: workbook(**{"xl/vbaProject.bin": b"\xd0\xcf\x11\xe0" + b"x" * MIB}),
        "formula.xlsx": lambda: sheet("<row r='1'><c r='A1' t='str'><f>WEBSERVICE(\"http://127.0.0.1\")</f><v>old</v></c></row>"),
        "many-parts.xlsx": lambda: workbook(**{f"x{n}.xml": b"<a/>" for n in range(6000)}),
        "encrypted.xlsx": lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 4096,
        "cut.xlsx": lambda: workbook()[:2000],
        "malformed.xlsx": lambda: sheet("<row r='1'><c r='A1'>"),
        "html.xlsx": lambda: b"<html><table><tr><td>1</td></tr></table></html>",
        "wide.csv": lambda: b",".join(b"c%d" % n for n in range(1_000_000)) + b"\n1\n",
        "wide-names.csv": lambda: b"a" * (20 * MIB) + b"\n1\n",
        "one-line.csv": lambda: b"a,b\n" + b"x" * (50 * MIB),
        "open-quote.csv": lambda: b'a,b\n1,"' + b"x\n" * (25 * MIB),
        "formula.csv": lambda: b"a,b\n=cmd|' /C calc'!A0,@SUM(1)\n",
        "program.csv": lambda: b"\x7fELF" + b"\0\1" * 5000,
        "archive.csv": workbook,
        "gzip.csv": lambda: zlib.compress(b"a,b\n" * 1000),
        "empty.csv": bytes,
        "empty.json": bytes,
        "empty.parquet": bytes,
        "empty.xlsx": bytes,
        "deep.json": lambda: b'[{"a":' + b"[" * 5_000_000 + b"]" * 5_000_000 + b"}]",
        "deep-objects.json": lambda: b'{"a":' * 1_000_000 + b"1" + b"}" * 1_000_000,
        "long.json": lambda: b'[{"a": "' + b"x" * (50 * MIB) + b'"}]',
        "long-number.json": lambda: b'[{"a": ' + b"9" * 1_000_000 + b"}]",
        "names.json": lambda: json.dumps([{f"c{n}": n for n in range(n, n + 500)} for n in range(0, 100_000, 500)]).encode(),
        "deep.ndjson": lambda: b'{"a":' + b"[" * 1_000_000 + b"]" * 1_000_000 + b"}\n",
        "surrogate.json": lambda: b'[{"a": "\\ud800"}]',
        "shared.parquet": lambda: parquet(1_000_000),
        "cut.parquet": lambda: parquet(10)[:-100],
        "text.parquet": lambda: b"PAR1" + b"a,b\n1,2\n" * 100 + b"PAR1",
        "huge-footer.parquet": lambda: b"PAR1" + b"\0" * 100 + struct.pack("<I", 2**31) + b"PAR1",
    }


def make(folder: Path, port: int) -> list[str]:
    """Write every file; return their names."""
    folder.mkdir(parents=True, exist_ok=True)
    found = makers(port)
    for name, content in found.items():
        (folder / name).write_bytes(content())
    return list(found)
