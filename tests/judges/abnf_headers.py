"""The grammar of headers and preferences (ABNF Construction Rules 4.01, section 6), for the ABNF judge only."""

from __future__ import annotations

import re
from collections.abc import Callable

from apiserver.odata.lexer import IDENTIFIER, QUALIFIED

_ODATA = r"(?:odata\.)?"
_URI = r"[A-Za-z][A-Za-z0-9+.-]*:[^\s\"]*"
_REQUEST_ID = r"[A-Za-z0-9._~-]+"
_ANNOTATION = rf"-?(?:\*|{QUALIFIED}\.\*|{IDENTIFIER}\.{QUALIFIED})(?:#{IDENTIFIER})?"
_IS = r"[ \t]*=[ \t]*"
_INCLUDE = rf'{_ODATA}include-annotations{_IS}"{_ANNOTATION}(?:,{_ANNOTATION})*"'
_MAXPAGESIZE = rf"{_ODATA}maxpagesize{_IS}[1-9][0-9]*"
_PREFERENCE = "|".join(
    (
        rf"{_ODATA}allow-entityreferences",
        rf'{_ODATA}callback[ \t]*;[ \t]*url{_IS}"{_URI}"',
        rf"{_ODATA}continue-on-error(?:{_IS}(?:true|false))?",
        _INCLUDE,
        _MAXPAGESIZE,
        rf"omit-values{_IS}(?:nulls|defaults)",
        rf"return{_IS}(?:representation|minimal)",
        "respond-async",
        rf"{_ODATA}track-changes",
        rf"wait{_IS}[0-9]+",
    )
)
_PREFER = rf"prefer:[ \t]*(?:{_PREFERENCE})(?:[ \t]*,[ \t]*(?:{_PREFERENCE}))*"
_HEADER = "|".join(
    (
        r"asyncresult:[ \t]*[1-5][0-9]{2}",
        rf"content-id:[ \t]*{_REQUEST_ID}",
        rf"odata-entityid:[ \t]*{_URI}",
        r"odata-error:[ \t]*\{.*\}",
        r"(?:odata-)?isolation:[ \t]*snapshot",
        r"odata-(?:max)?version:[ \t]*[0-9]+\.[0-9]+",
        _PREFER,
    )
)


def _rule(regex: str) -> Callable[[str], None]:
    pattern = re.compile(regex, re.IGNORECASE)

    def check(text: str) -> None:
        if not pattern.fullmatch(text):
            raise ValueError("no match")

    return check


RULES: dict[str, Callable[[str], object]] = {
    "header": _rule(_HEADER),
    "prefer": _rule(_PREFER),
    "preference": _rule(_PREFERENCE),
    "includeAnnotationsPreference": _rule(_INCLUDE),
    "maxpagesizePreference": _rule(_MAXPAGESIZE),
    "request-id": _rule(_REQUEST_ID),
}
