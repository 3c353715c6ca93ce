"""Text files as lines: which encoding they have, and lines of bounded length that know where they begin."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from typing import IO

from connections.connectors.files.formats import MOST_ROW_BYTES, Source

SAMPLE_BYTES = 256 * 1024
# Marks at the start of a file that tell its encoding, longest first.
MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Tried in order where nothing tells; each is taken only when the whole sample is of it. Latin-1 would take anything, so it is not tried.
GUESSES = ("utf-8", "cp932", "euc_jp")
FOREIGN = re.compile(r"[^\x00-\x7f]+")
KANA = re.compile(r"[\u3041-\u30fe]")


def encoding_of(source: Source, wished: str) -> str:
    """Return the encoding of a text file; raise where it is no text or not to be told."""
    with source.open() as file:
        sample = file.read(SAMPLE_BYTES)
    marked = next((name for mark, name in MARKS if sample.startswith(mark)), "")
    found = codecs.lookup(wished).name if wished else marked
    if found == "utf-8" and sample.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if found:
        return found
    if b"\0" in sample:
        raise source.broken(
            "is no text.", hint="Look at what the file holds: its name promises text. UTF-16 without a mark needs Encoding."
        )
    for name in GUESSES:
        if decodes(sample, name, is_whole=len(sample) < SAMPLE_BYTES):
            return name
    raise source.broken("is text of an encoding that is not to be told.", hint="Set Encoding, such as windows-1252 or shift_jis.")


def decodes(sample: bytes, encoding: str, *, is_whole: bool) -> bool:
    """Claim that bytes are text of the encoding, all but a character that is cut off at the end.

    Western text often decodes as Japanese too, with single kanji between its letters: kana or words of kanji must be there.
    """
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(sample, is_whole)
    except UnicodeDecodeError:
        return False
    runs = FOREIGN.findall(text)
    return encoding == "utf-8" or bool(KANA.search(text)) or sum(map(len, runs)) >= 2 * len(runs)


def is_linewise(encoding: str) -> bool:
    """Claim that a line feed is always the byte 10, so that lines can be decoded one by one and found again by their place."""
    name = codecs.lookup(encoding).name
    return name in ("utf-8", "utf-8-sig", "ascii", "cp932", "shift_jis", "euc_jp") or name.startswith(("cp125", "iso8859"))


class Lines:
    """The lines of an open text file, with their ends. `place` is where the next one begins, or -1 where that means nothing."""

    def __init__(self, source: Source, file: IO[bytes], encoding: str, place: int = 0) -> None:
        self._source, self._file = source, file
        self._is_linewise = is_linewise(encoding)
        self.place = place if self._is_linewise else -1
        self._encoding = "utf-8" if encoding == "utf-8-sig" else encoding
        self.read = 0  # bytes or characters since the row began
        if self._is_linewise:
            file.seek(place or (len(codecs.BOM_UTF8) if encoding == "utf-8-sig" else 0))
            self.place = file.tell()

    def __iter__(self) -> Iterator[str]:
        return self._bytewise() if self._is_linewise else self._textwise()

    def _bytewise(self) -> Iterator[str]:
        while line := self._file.readline(MOST_ROW_BYTES):
            self._bound(len(line))
            try:
                text = line.decode(self._encoding)
            except UnicodeDecodeError as error:
                raise self._undecodable(error) from error
            self.place += len(line)
            yield text

    def _textwise(self) -> Iterator[str]:
        text = io.TextIOWrapper(self._file, encoding=self._encoding, newline="")
        try:
            while line := text.readline(MOST_ROW_BYTES):
                self._bound(len(line))
                yield line
        except UnicodeError as error:
            raise self._undecodable(error) from error
        finally:
            text.detach()

    def _bound(self, size: int) -> None:
        self.read += size
        if self.read >= MOST_ROW_BYTES:
            raise self._source.broken(
                f"has a row of more than {MOST_ROW_BYTES // 2**20} MiB.", hint="A quotation mark may never be closed."
            )

    def _undecodable(self, error: Exception) -> Exception:
        return self._source.broken(
            f"holds bytes that are no {self._encoding} text.", hint="Set Encoding to the file's, such as windows-1252."
        )
