"""Content negotiation: Accept and $format to one representation (OData Protocol 4.01, 8.2.1; JSON Format 4.01, 3)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from apiserver.odata.errors import NotAcceptable

_LEVELS = {"none": "none", "minimal": "minimal", "full": "full"}
# Names of the first OData 4 drafts that spreadsheets still send.
_OLD_LEVELS = {"nometadata": "none", "minimalmetadata": "minimal", "fullmetadata": "full"}


@dataclass(frozen=True, slots=True)
class Format:
    """The representation of an answer."""

    media: str = "application/json"
    level: str = "minimal"  # none | minimal | full
    is_ieee754: bool = False  # Int64 and Decimal as strings
    streaming: str = ""
    charset: str = ""

    @property
    def content_type(self) -> str:
        """Return the Content-Type that states every parameter that shapes the answer."""
        if self.media != "application/json":
            return self.media
        parts = [self.media, f"odata.metadata={self.level}"]
        if self.is_ieee754:
            parts.append("IEEE754Compatible=true")
        if self.streaming:
            parts.append(f"odata.streaming={self.streaming}")
        if self.charset:
            parts.append(f"charset={self.charset}")
        return ";".join(parts)


@dataclass(frozen=True, slots=True)
class _Range:
    media: str
    parameters: dict[str, str]
    quality: float


@lru_cache(maxsize=200)
def negotiate(accept: str, dollar_format: str | None, *, offers: tuple[str, ...] = ("application/json",)) -> Format:
    """Return the best representation among `offers` (the first is the default); $format wins over Accept."""
    if dollar_format is not None:
        chosen = _by_format(dollar_format.strip(), offers)
        if chosen is None:
            raise NotAcceptable(f"$format={dollar_format[:80]} is not available here.", target="$format", hint=_offers_hint(offers))
        return chosen
    if not accept.strip():
        return Format(offers[0])
    ranges = _ranges(accept)
    refused = {item.media for item in ranges if item.quality == 0}
    for item in sorted((item for item in ranges if item.quality > 0), key=lambda item: -item.quality):
        chosen = _match(item, tuple(offer for offer in offers if offer not in refused))
        if chosen is not None:
            return chosen
    raise NotAcceptable("None of the accepted media types is available here.", target="Accept", hint=_offers_hint(offers))


def accepts_raw(accept: str, media: str) -> None:
    """Refuse when a raw value (`/$value`) can't be sent in any accepted type; JSON clients are not turned away."""
    if not accept.strip():
        return
    family = media.split("/")[0] + "/*"
    wanted = {media, family, "*/*", "application/json", "application/*"}
    if not any(item.media in wanted and item.quality > 0 for item in _ranges(accept)):
        raise NotAcceptable(f"A raw value comes as {media}.", target="Accept", hint=f"Accept {media}.")


def _by_format(text: str, offers: tuple[str, ...]) -> Format | None:
    short = {"json": "application/json", "xml": "application/xml"}.get(text.lower())
    if short:
        return Format(short) if short in offers else None
    ranges = _ranges(text.replace(" ", ""))
    return _match(ranges[0], offers) if len(ranges) == 1 and "*" not in ranges[0].media else None


def _ranges(text: str) -> list[_Range]:
    found = []
    for part in text.split(","):
        media, *rest = [piece.strip() for piece in part.split(";")]
        parameters = {}
        for piece in rest:
            name, _, value = piece.partition("=")
            parameters[name.strip().lower()] = value.strip().strip('"').lower()
        if media:
            found.append(_Range(media.lower(), parameters, _quality(parameters.pop("q", "1"))))
    return found


def _quality(text: str) -> float:
    try:
        return min(1.0, max(0.0, float(text)))
    except ValueError:
        return 1.0


def _match(item: _Range, offers: tuple[str, ...]) -> Format | None:
    for offer in offers:
        if item.media in (offer, offer.split("/")[0] + "/*", "*/*"):
            return _json(item.parameters) if offer == "application/json" else Format(offer)
    return None


def _json(parameters: dict[str, str]) -> Format | None:
    level = parameters.get("odata.metadata", parameters.get("metadata"))
    known = _LEVELS.get(level) if level is not None else _OLD_LEVELS.get(parameters.get("odata", ""), "minimal")
    ieee = parameters.get("ieee754compatible", "false")
    streaming = parameters.get("odata.streaming", parameters.get("streaming", ""))
    charset = parameters.get("charset", "")
    if known is None or parameters.get("odata") == "verbose" or ieee not in ("true", "false"):
        return None
    if charset not in ("", "utf-8") or streaming not in ("", "true", "false"):
        return None
    return Format(level=known, is_ieee754=ieee == "true", streaming=streaming, charset=charset)


def _offers_hint(offers: tuple[str, ...]) -> str:
    return f"Ask for {' or '.join(offers)}."
