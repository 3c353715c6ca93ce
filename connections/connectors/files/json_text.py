"""JSON read piece by piece: never more of a file in memory than one value of bounded size."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import IO, Any

from connections.connectors.exact_json import DECODER
from connections.connectors.files.formats import MOST_ROW_BYTES, Source

PIECE = 64 * 1024
BLANK = re.compile(r"[ \t\r\n]*")
# A number or word at the end of what was read may go on in the next piece.
CLOSED = ("{", "[", '"')


class Reader:
    """A JSON text from its first character to its last."""

    def __init__(self, source: Source, file: IO[bytes], encoding: str) -> None:
        self._source = source
        self._text = io.TextIOWrapper(file, encoding=encoding, newline="")
        self._buffer = ""
        self._at = 0
        self._is_ended = False

    def peek(self) -> str:
        """Return the next character that is no blank; '' at the end."""
        while True:
            self._at = BLANK.match(self._buffer, self._at).end()  # type: ignore[union-attr] # it matches the empty text too
            if self._at < len(self._buffer):
                return self._buffer[self._at]
            if not self._more():
                return ""

    def take(self, mark: str) -> bool:
        """Pass over the mark when it comes next."""
        if self.peek() != mark:
            return False
        self._at += 1
        return True

    def expect(self, mark: str) -> None:
        """Pass over the mark; raise when something else comes."""
        if not self.take(mark):
            raise self.broken(f"misses {mark!r}")

    def value(self) -> Any:
        """Return the next value whole."""
        first = self.peek()
        while True:
            try:
                found, end = DECODER.raw_decode(self._buffer, self._at)
            except RecursionError as error:
                raise self.broken("is nested too deep") from error
            except ValueError as error:
                if not self._more():
                    raise self.broken("is no JSON") from error
                continue
            if first in CLOSED or end < len(self._buffer) or not self._more():
                self._at = end
                return found

    def elements(self) -> Iterator[Any]:
        """Give the elements of the array that comes next."""
        self.expect("[")
        if self.take("]"):
            return
        while True:
            yield self.value()
            if self.take("]"):
                return
            self.expect(",")

    def members(self) -> Iterator[str]:
        """Give the names of the object that comes next; the caller reads each value."""
        self.expect("{")
        if self.take("}"):
            return
        while True:
            name = self.value()
            if not isinstance(name, str):
                raise self.broken("has a name that is no text")
            self.expect(":")
            yield name
            if self.take("}"):
                return
            self.expect(",")

    def end(self) -> None:
        """Raise when something follows."""
        if self.peek():
            raise self.broken("goes on behind its end")

    def broken(self, what: str) -> Exception:
        """Return the error of this text."""
        return self._source.broken(f"{what}.", hint="Look at the file: it must be one JSON text, in UTF-8 unless Encoding says otherwise.")

    def _more(self) -> bool:
        """Read another piece, twice as much where a value is long; claim that there was one."""
        if self._is_ended:
            return False
        rest = self._buffer[self._at :]
        if len(rest) > MOST_ROW_BYTES:
            raise self._source.broken(f"has a value of more than {MOST_ROW_BYTES // 2**20} MiB.")
        try:
            piece = self._text.read(max(PIECE, len(rest)))
        except UnicodeError as error:
            raise self.broken("holds bytes that are no text of its encoding") from error
        self._is_ended = not piece
        self._buffer, self._at = rest + piece, 0
        return bool(piece)
