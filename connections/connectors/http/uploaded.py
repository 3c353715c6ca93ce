"""A manifest that an administrator gives as text: a connector for a service that has none of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from connections.connectors.cleaning import clean
from connections.connectors.http.calls import Service
from connections.connectors.http.connector import HttpConnector, refused, scheme_name
from connections.connectors.http.manifest import Manifest, load
from connections.connectors.http.properties import TUNING, oauth_of
from connections.connectors.http.rest import SKELETON
from connections.contract.context import Context
from connections.contract.errors import InvalidProperties
from connections.contract.property import Property

OWN = (
    Property("Manifest", kind="text", is_required=True, help="YAML or JSON, as docs/connectors/manifest.md describes it."),
    Property("URL", help="Address of the API, where the manifest's is not wanted."),
    Property("Parameters", kind="text", help="The manifest's properties: one `Name=value` a line."),
    Property("Schema", help="Schema whose tables are shown; empty: all.", is_advanced=True),
    Property("AuthScheme", "Auth Scheme", group="Authentication", help="One of the manifest's; empty: its first."),
    Property(
        "Secrets", kind="text", is_secret=True, group="Authentication", help="The manifest's secret properties: one `Name=value` a line."
    ),
)


class UploadedConnector(HttpConnector):
    """Any service by a manifest of one's own."""

    key = "manifest"
    label = "Manifest"
    for_administrators = True
    description = "Any HTTP API by a manifest of your own: one YAML document without code."
    properties = (
        *OWN,
        *(item for item in oauth_of(Manifest(SKELETON)) if item.name not in ("OAuthAuthorizationURL", "OAuthAccessTokenURL")),
        *TUNING,
    )

    def clean(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values typed and with defaults; raise InvalidProperties naming what the manifest asks for."""
        found = clean(self.properties, values)
        manifest = self.manifest(found)
        given = {**lines_of(found["Parameters"], "Parameters"), **lines_of(found["Secrets"], "Secrets")}
        wrong: dict[str, str] = {}
        known = {item["name"]: item for item in manifest.content.get("properties", ())}
        for name in given:
            if name not in known:
                wrong["Parameters" if name in lines_of(found["Parameters"], "Parameters") else "Secrets"] = (
                    f"the manifest has no property {name}"
                )
        for name, item in known.items():
            if item.get("required") and not given.get(name) and item.get("default") is None:
                wrong["Secrets" if item.get("secret") else "Parameters"] = f"{name}: a value is required"
        scheme = found["AuthScheme"]
        if scheme and scheme_name(manifest, scheme) not in manifest.schemes:
            wrong["AuthScheme"] = f"must be one of {', '.join(manifest.schemes)}"
        unwanted = list(refused(manifest, {**found, **given}).values())
        if unwanted:
            wrong["Secrets"] = unwanted[0]
        if wrong:
            raise InvalidProperties(wrong)
        self.service(found, manifest)
        return found

    def manifest(self, values: Mapping[str, Any]) -> Manifest:
        """Return the manifest of the text, checked."""
        text = str(values.get("Manifest") or "")
        if not text.strip():
            raise InvalidProperties({"Manifest": "a value is required"})
        return load(text)

    def service(self, values: Mapping[str, Any], manifest: Manifest) -> Service:
        """Return the service; the manifest's properties come from the lines."""
        defaults = {item["name"]: item["default"] for item in manifest.content.get("properties", ()) if item.get("default") is not None}
        return super().service(
            {**defaults, **values, **lines_of(values.get("Parameters"), "Parameters"), **lines_of(values.get("Secrets"), "Secrets")},
            manifest,
        )

    def secrets_of(self, values: Mapping[str, Any]) -> frozenset[str]:
        """Return the secret texts: every one of the lines."""
        return super().secrets_of(values) | {text for text in lines_of(values.get("Secrets"), "Secrets").values() if len(text) > 3}

    def steps(
        self, values: Mapping[str, Any], manifest: Manifest, service: Service, read_only: bool, context: Context
    ) -> Iterator[tuple[str, Callable[[], str]]]:
        """Give: manifest (which hosts are called), then those of every HTTP connector."""
        yield "manifest", lambda: f"{len(manifest.tables)} tables; calls go to {', '.join(sorted(service.hosts))}"
        yield from super().steps(values, manifest, service, read_only, context)


def lines_of(text: Any, name: str) -> dict[str, str]:
    """Return the values of a text, one `Name=value` a line."""
    found = {}
    for line in str(text or "").splitlines():
        key, equals, value = line.partition("=")
        if line.strip() and not equals:
            raise InvalidProperties({name: "write one `Name=value` a line"})
        if line.strip():
            found[key.strip()] = value.strip()
    return found
