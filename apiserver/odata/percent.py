"""Percent-decoding that refuses instead of guessing: malformed escapes and bytes that are not UTF-8 are syntax errors."""

from __future__ import annotations

import re

from apiserver.odata.parser_errors import ODataSyntaxError

_ESCAPES = re.compile(r"(?:%[0-9A-Fa-f]{2})+|%")
_NO_TEXT = re.compile("[\0\ud800-\udfff]")


def decode(text: str, option: str = "", *, plus_is_space: bool = True) -> str:
    """Decode %XX sequences as UTF-8; in query strings a plus is a space."""
    if plus_is_space and "+" in text:
        text = text.replace("+", " ")
    if not text.isascii():
        text = _repair(text, option)
    if "%" in text:
        text = _ESCAPES.sub(lambda match: _decode_run(match, option), text)
    if "\0" in text:
        raise _no_text(option, text.index("\0"))
    return text


def check_text(text: str, option: str = "") -> None:
    """Refuse what no database can hold as text: NUL and lone surrogates."""
    found = _NO_TEXT.search(text)
    if found is not None:
        raise _no_text(option, found.start())


def _no_text(option: str, position: int) -> ODataSyntaxError:
    return ODataSyntaxError("The text holds a character that is not allowed (NUL or half of a surrogate pair).", option, position)


def _decode_run(match: re.Match[str], option: str) -> str:
    if len(match[0]) < 3:
        raise ODataSyntaxError("A % is not followed by two hexadecimal digits.", option, match.start(), "A percent sign is written %25.")
    try:
        return bytes.fromhex(match[0].replace("%", "")).decode()
    except UnicodeDecodeError:
        raise ODataSyntaxError("The percent-encoded bytes are not UTF-8.", option, match.start()) from None


def _repair(text: str, option: str) -> str:
    """WSGI hands raw bytes over as Latin-1 characters: read them as UTF-8; real Unicode text stays."""
    try:
        return text.encode("latin-1").decode()
    except UnicodeEncodeError:
        pass
    except UnicodeDecodeError as error:
        raise ODataSyntaxError("The bytes of the query are not UTF-8.", option, error.start) from None
    check_text(text, option)
    return text


def decode_path(path: str) -> tuple[str, frozenset[int]]:
    """Decode a raw path; also return where its slashes were written %2F, which do not divide segments."""
    decoded: list[str] = []
    slashes: set[int] = set()
    position = length = 0
    for match in _ESCAPES.finditer(path):
        plain = path[position : match.start()]
        run = _decode_run(match, "path")
        slashes.update(length + len(plain) + index for index, character in enumerate(run) if character == "/")
        decoded += [plain, run]
        length += len(plain) + len(run)
        position = match.end()
    decoded.append(path[position:])
    return "".join(decoded), frozenset(slashes)
