"""The OpenAPI connector: a document becomes a manifest, the overlay corrects it, the HTTP engine runs it."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from connections.connectors import testing
from connections.connectors.cleaning import clean
from connections.connectors.http.connector import HttpConnector, outgoing_settings
from connections.connectors.http.manifest import Manifest
from connections.connectors.openapi.derive import Derived, derive
from connections.connectors.openapi.overlay import apply_overlay, read_overlay
from connections.connectors.openapi.properties import AUTO, PROPERTIES
from connections.connectors.openapi.reading import DocumentError, read_document
from connections.connectors.openapi.session import OpenapiSession
from connections.connectors.openapi.source import Found, find_document, kind_of, stamp_of
from connections.contract.connector import APIS, TestStep
from connections.contract.context import NONE, Context, OAuthService
from connections.contract.errors import InvalidProperties
from connections.contract.property import Property

NO_LIMITS = Manifest({"key": "openapi", "label": "OpenAPI", "tables": {}})
KEPT = 8


class Described(HttpConnector):
    """A connector for one manifest: what the HTTP engine needs of it."""

    key: ClassVar[str] = "openapi"
    properties: ClassVar[tuple[Property, ...]] = PROPERTIES

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self.label = manifest.label  # type: ignore[misc]

    def manifest(self, values: Mapping[str, Any]) -> Manifest:
        """Return the manifest."""
        return self._manifest


class OpenapiConnector:
    """Any API with an OpenAPI document."""

    key: ClassVar[str] = "openapi"
    label: ClassVar[str] = "OpenAPI"
    category: ClassVar[str] = APIS
    description: ClassVar[str] = "Any API that an OpenAPI 3 or Swagger 2.0 document describes: its lists become tables."
    properties: ClassVar[tuple[Property, ...]] = PROPERTIES
    url_schemes: ClassVar[tuple[str, ...]] = ()

    def clean(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values typed and with defaults; a document given as text is read at once."""
        found = clean(self.properties, values)
        errors: dict[str, str] = {}
        for name, check in (("Parameters", parameters_of), ("Headers", headers_of), ("Overlay", read_overlay)):
            try:
                check(str(found.get(name) or ""))
            except InvalidProperties as error:
                errors |= error.errors
        if kind_of(str(found["Document"])) == "text":
            try:
                derived_of(Found(str(found["Document"]).encode("utf-8", "surrogatepass")), found)
            except DocumentError as error:
                errors["Document"] = f"{error.message} {error.hint}"
            except InvalidProperties as error:
                errors |= error.errors
        if errors:
            raise InvalidProperties(errors)
        return found

    def from_url(self, url: str) -> dict[str, Any]:
        """Return a pasted address as the document's."""
        return {"Document": url.strip()}

    def derived(self, values: Mapping[str, Any], context: Context, *, is_fresh: bool = False) -> Derived:
        """Return what the document gives, corrected; raise ConnectorError."""
        settings = outgoing_settings(values, context, NO_LIMITS)
        return derived_of(find_document(str(values["Document"]), context, settings, is_fresh=is_fresh), values)

    def described(self, derived: Derived, values: Mapping[str, Any]) -> Described:
        """Return the connector for what was derived."""
        if not values.get("URL") and not derived.manifest.get("base_url"):
            raise InvalidProperties({"URL": "a value is required: the document does not say where the API is"})
        return Described(Manifest(derived.manifest))

    def open(self, values: Mapping[str, Any], *, read_only: bool = False, context: Context = NONE) -> OpenapiSession:
        """Return a session; the document is read when first needed."""

        def opened(is_fresh: bool) -> tuple[Derived, Any]:
            derived = self.derived(values, context, is_fresh=is_fresh)
            return derived, self.described(derived, values).open(values, read_only=read_only, context=context)

        def variant(manifest: dict[str, Any]) -> Any:
            return Described(Manifest(manifest)).open(values, read_only=True, context=context)

        return OpenapiSession(opened, variant, lambda: stamp_of(str(values["Document"]), context))

    def test(self, values: Mapping[str, Any], *, read_only: bool = False, context: Context = NONE) -> list[TestStep]:
        """Run the named steps; stop at the first that fails."""
        return testing.tested(lambda: self.clean(values), lambda found: self.steps(found, read_only, context))

    def steps(self, values: Mapping[str, Any], read_only: bool, context: Context) -> Iterator[tuple[str, Callable[[], str]]]:
        """Give: document, then those of the HTTP engine."""
        known: list[Described] = []

        def read() -> str:
            derived = self.derived(values, context, is_fresh=True)
            known.append(self.described(derived, values))
            return told(derived)

        yield "document", with_sentence(read)
        if known:
            manifest = known[0].manifest(values)
            yield from known[0].steps(values, manifest, known[0].service(values, manifest), read_only, context)

    def oauth(self, values: Mapping[str, Any], *, context: Context = NONE) -> OAuthService | None:
        """Return how these values sign in by OAuth; the addresses given as properties go before those of the document."""
        if values.get("AuthScheme") not in ("OAuth", "OAuthClient"):
            return None
        defaults = {item.name: item.default for item in self.properties}
        found = {**defaults, **{name: value for name, value in values.items() if value not in (None, "")}}
        manifest = self.derived(found, context).manifest if not found.get("OAuthAccessTokenURL") else own_oauth(found)
        return Described(Manifest(manifest)).oauth(found, context=context)

    def forbidden(self, values: Mapping[str, Any], own: Sequence[str]) -> str:
        """Return why these properties reach the product's own database or broker, or ''."""
        return Described(NO_LIMITS).forbidden(values, own)


def with_sentence(work: Callable[[], str]) -> Callable[[], str]:
    """Return the step with wrong properties told as the step's failure."""

    def run() -> str:
        try:
            return work()
        except InvalidProperties as error:
            raise DocumentError(error.message) from error

    return run


def told(derived: Derived) -> str:
    """Return what was found in a document, in one sentence."""
    partial = sum(1 for table in derived.manifest["tables"].values() if table.get("partial"))
    text = f"{derived.title or 'The document'} gives {len(derived.manifest['tables'])} tables"
    return f"{text}; {partial} of them may not be whole" if partial else text


def derived_of(found: Found, values: Mapping[str, Any]) -> Derived:
    """Return what a document gives with parameters, sign-in and overlay of the connection."""
    bare = DERIVATIONS.get(found, str(values.get("Parameters") or ""))
    manifest = {**bare.manifest, **signed(bare, values)}
    return apply_overlay(Derived(manifest, bare.findings, bare.notes, bare.access, bare.title, bare.version), overlay_of(values))


class Derivations:
    """What the documents used last gave, by their content: tests, pages and sessions ask for the same ones."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, str, str], Derived] = {}

    def get(self, found: Found, parameters: str) -> Derived:
        """Return what a document gives."""
        key = (hashlib.sha256(found.raw).hexdigest(), parameters, found.origin)
        with self._lock:
            derived = self._kept.pop(key, None)
            if derived is None:
                derived = derive(read_document(found.raw), parameters=parameters_of(parameters), origin=found.origin)
            self._kept[key] = derived
            while len(self._kept) > KEPT:
                del self._kept[next(iter(self._kept))]
        return derived


DERIVATIONS = Derivations()


def overlay_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the connection's corrections."""
    return read_overlay(str(values.get("Overlay") or ""))


def signed(derived: Derived, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parts of the manifest that the connection's way to sign in and its headers decide."""
    schemes = {name: dict(scheme) for name, scheme in derived.access.schemes.items()}
    name = str(values.get("ApiKeyName") or "")
    if name or "APIKey" not in schemes:
        place = "query" if name.startswith("?") else "header"
        schemes["APIKey"] = {"type": place, "name": name.lstrip("?") or "X-API-Key", "value": "{ApiKey}"}
    schemes.setdefault("AccessToken", {"type": "bearer", "value": "{AccessToken}"})
    schemes.setdefault("Basic", {"type": "basic", "user": "{User}", "password": "{Password}"})
    schemes.setdefault("OAuth", {"type": "oauth", "flow": "code"})
    schemes.setdefault("OAuthClient", {"type": "oauth", "flow": "client"})
    schemes[AUTO] = schemes[automatic(derived, values)]
    headers = headers_of(str(values.get("Headers") or ""))
    return {
        "auth": {"default": AUTO, "schemes": schemes},
        **({"headers": headers} if headers else {}),
        "oauth": own_oauth(values) | derived.access.oauth,
    }


def automatic(derived: Derived, values: Mapping[str, Any]) -> str:
    """Return the scheme that the document asks for and that has its values; none where nothing was given."""
    needs = {"AccessToken": "AccessToken", "APIKey": "ApiKey", "Basic": "User"}
    for name in (*derived.access.schemes, *needs):
        if name in needs and values.get(needs[name]):
            return name
    return "None"


def own_oauth(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the addresses of OAuth that were given as properties."""
    found = {"authorize_url": values.get("OAuthAuthorizationURL"), "token_url": values.get("OAuthAccessTokenURL")}
    return {name: str(value) for name, value in found.items() if value}


def parameters_of(text: str) -> dict[str, str]:
    """Return the values of parameters, one name=value a line; raise InvalidProperties."""
    found: dict[str, str] = {}
    for line in text.replace(";", "\n").splitlines():
        name, mark, value = line.partition("=")
        if line.strip() and (not mark or not name.strip()):
            raise InvalidProperties({"Parameters": "each line must be name=value"})
        if line.strip():
            found[name.strip()] = value.strip()
    return found


def headers_of(text: str) -> dict[str, str]:
    """Return headers, one Name: value a line; raise InvalidProperties without repeating them."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, mark, value = line.partition(":")
        if line.strip() and (not mark or not name.strip() or not name.strip().replace("-", "").replace("_", "").isalnum()):
            raise InvalidProperties({"Headers": "each line must be Name: value"})
        if line.strip():
            found[name.strip()] = value.strip().replace("{", "").replace("}", "")
    return found
