"""Google BigQuery, by its own client."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import urlsplit

from connections.connectors.dbapi.connector import TUNING
from connections.connectors.dbapi.describing import Describing, Fetch
from connections.connectors.dbapi.rules import Catalog, Rules, Text, base_of
from connections.connectors.dbapi.warehouse import WarehouseConnector
from connections.connectors.sql import meanings
from connections.connectors.testing import Steps
from connections.contract.errors import AuthenticationFailed, InvalidProperties, SourceRejected
from connections.contract.property import Property, auth_scheme
from connections.contract.table import TableRef, Type

KEY_FILE, MACHINE, NOBODY = "OAuthJWT", "GCPInstanceAccount", "None"
LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
TYPES = {
    "bool": Type.BOOLEAN,
    "int64": Type.INT64,
    "float64": Type.DOUBLE,
    "numeric": Type.DECIMAL,
    "bignumeric": Type.DECIMAL,
    "string": Type.STRING,
    "date": Type.DATE,
    "time": Type.TIME,
    "datetime": Type.TIMESTAMP,
    "timestamp": Type.TIMESTAMP,
    "bytes": Type.BINARY,
}
JSON = frozenset({"json", "struct", "array"})


class BigqueryConnector(WarehouseConnector):
    """The data sets of a BigQuery project."""

    key: ClassVar[str] = "bigquery"
    label: ClassVar[str] = "BigQuery"
    description: ClassVar[str] = "Tables and views of one data set of Google BigQuery."
    module: ClassVar[str] = "google.cloud.bigquery"
    extra: ClassVar[str] = "bigquery"
    loader: ClassVar[str] = "bigquery"
    properties: ClassVar[tuple[Property, ...]] = (
        Property("ProjectId", "Project", is_required=True, help="Project that has the data set."),
        Property("DatasetId", "Data set", is_required=True, help="Data set whose tables are shown."),
        Property(
            "BillingProjectId", "Project that pays", help="Project that the statements are charged to; empty: the one of the data set."
        ),
        auth_scheme(KEY_FILE, MACHINE, NOBODY),
        Property(
            "OAuthJWTCert",
            "Key of the service account (JSON)",
            kind="text",
            is_secret=True,
            group="Authentication",
            shown_when=("AuthScheme", (KEY_FILE,)),
            help="Content of the JSON key file of a service account.",
        ),
        Property(
            "URL",
            "URL",
            is_advanced=True,
            help="Address of the service, where it is another than the usual: a regional or private one.",
            placeholder="https://bigquery.europe-west3.rep.googleapis.com",
        ),
        *TUNING,
    )
    url_schemes: ClassVar[tuple[str, ...]] = ("bigquery",)
    texts: ClassVar[tuple[tuple[str, meanings.Meaning], ...]] = (
        ("error: 404 ", meanings.GONE),
        ("error: 403 ", meanings.FORBIDDEN),
        ("error: 401 ", meanings.SIGN_IN),
        ("refresherror", meanings.SIGN_IN),
    )
    rules: ClassVar[Rules] = Rules(
        sqlglot="bigquery",
        mark=lambda place: "%s",
        doubles_percent=True,
        types=TYPES,
        zoned=frozenset({"timestamp"}),
        json=JSON,
        as_text=lambda native: "TO_JSON_STRING({0})" if base_of(native) in JSON else "CAST({0} AS STRING)",
        text=Text(
            contains="STRPOS({0}, {1}) > 0",
            startswith="STARTS_WITH({0}, {1})",
            endswith="ENDS_WITH({0}, {1})",
        ),
        nan="IS_NAN({0})",
        escapes_names=True,
        keys_hold=False,
    )
    catalog: ClassVar[Catalog] = Catalog(
        tables="""
SELECT table_schema, table_name, table_type, '' FROM {dataset}INFORMATION_SCHEMA.TABLES""",
        columns="""
SELECT table_schema, table_name, column_name, CONCAT(data_type, IF(COALESCE(collation_name, 'NULL') = 'NULL', '', ' COLLATE')),
       is_nullable, NULL, NULL, NULL, NULLIF(column_default, 'NULL'), IF(is_generated = 'ALWAYS', 'yes', 'no'), ''
FROM {dataset}INFORMATION_SCHEMA.COLUMNS WHERE {refs} ORDER BY table_schema, table_name, ordinal_position""",
        keys="""
SELECT k.table_schema, k.table_name, CASE c.constraint_type WHEN 'PRIMARY KEY' THEN 'p' ELSE 'f' END, k.constraint_name, k.column_name,
       p.table_schema, p.table_name, p.column_name
FROM {dataset}INFORMATION_SCHEMA.KEY_COLUMN_USAGE AS k
JOIN {dataset}INFORMATION_SCHEMA.TABLE_CONSTRAINTS AS c ON c.constraint_name = k.constraint_name
LEFT JOIN {dataset}INFORMATION_SCHEMA.CONSTRAINT_COLUMN_USAGE AS u
  ON c.constraint_type = 'FOREIGN KEY' AND u.constraint_name = k.constraint_name
LEFT JOIN {dataset}INFORMATION_SCHEMA.KEY_COLUMN_USAGE AS p
  ON p.table_name = u.table_name AND p.column_name = u.column_name AND p.ordinal_position = k.position_in_unique_constraint
WHERE {refs} AND (c.constraint_type = 'PRIMARY KEY' OR p.column_name IS NOT NULL)
ORDER BY k.table_schema, k.table_name, k.constraint_name, k.ordinal_position""",
        key_schema="k.table_schema",
        key_table="k.table_name",
    )

    def check(self, values: Mapping[str, Any]) -> dict[str, str]:
        """Return what is wrong: the key of the account is JSON, and goes nowhere unencrypted."""
        wrong = {}
        if values["URL"] and not is_address(values["URL"]):
            wrong["URL"] = "give a whole address that starts with https://; http:// reaches only this machine"
        if values["AuthScheme"] == KEY_FILE and not key_of(values["OAuthJWTCert"]):
            wrong["OAuthJWTCert"] = "paste the whole content of the JSON key file"
        if values["AuthScheme"] == NOBODY and not values["URL"]:
            wrong["AuthScheme"] = "Google's own service wants an account; None is for the emulator that URL names"
        return wrong

    def from_url(self, url: str) -> dict[str, Any]:
        """Return the properties that a pasted address holds: bigquery://project/dataset."""
        scheme, _, rest = url.strip().partition("://")
        project, _, dataset = rest.partition("/")
        if scheme not in self.url_schemes or not project:
            raise InvalidProperties({"ProjectId": "paste an address that starts with bigquery://"})
        return {"ProjectId": project, "DatasetId": dataset.partition("?")[0]}

    def database(self, values: Mapping[str, Any]) -> str:
        """Return the project."""
        return str(values["ProjectId"])

    def places(self, values: Mapping[str, Any], quote: Callable[[str], str]) -> dict[str, str]:
        """Return the data set, whose own catalog is asked: that of a project lists no tables."""
        return {"dataset": quote(f"{values['ProjectId']}.{values['DatasetId']}") + "."}

    def reach(self, values: Mapping[str, Any]) -> Steps:
        """Give nothing: the client finds the service itself."""
        yield from ()

    def destination(self, values: Mapping[str, Any]) -> Any:
        """Return dlt's destination; without a key the account of the machine signs in."""
        import dlt

        key = key_of(values["OAuthJWTCert"]) if values["AuthScheme"] == KEY_FILE else {}
        project = {"project_id": values["BillingProjectId"] or values["ProjectId"]}
        return dlt.destinations.bigquery(credentials={**key, **project}, project_id=values["ProjectId"])

    def dataset(self, values: Mapping[str, Any]) -> str:
        """Return the data set."""
        return str(values["DatasetId"])

    def connect(self, values: Mapping[str, Any], *, is_writer: bool) -> Any:
        """Return a connection; rows come over the service's own API, in pages."""
        bigquery = self.driver()
        config = bigquery.QueryJobConfig(
            default_dataset=f"{values['ProjectId']}.{values['DatasetId']}", job_timeout_ms=values["Timeout"] * 1000, use_legacy_sql=False
        )
        project = values["BillingProjectId"] or values["ProjectId"]
        client = bigquery.Client(
            project=project,
            credentials=self.credentials(values),
            default_query_job_config=config,
            client_options={"api_endpoint": values["URL"].strip().rstrip("/")} if values["URL"] else None,
        )
        return self.driver("google.cloud.bigquery.dbapi").connect(client, prefer_bqstorage_client=False)

    def execute(self, cursor: Any, sql: str, binds: Sequence[Any], values: Mapping[str, Any]) -> None:
        """Run a statement; without values the client wants none at all instead of an empty row of them."""
        cursor.execute(sql, tuple(binds) or None)

    def credentials(self, values: Mapping[str, Any]) -> Any:
        """Return what signs in; None = the machine's own account."""
        if values["AuthScheme"] == MACHINE:
            return None
        if values["AuthScheme"] == NOBODY:
            return self.driver("google.auth.credentials").AnonymousCredentials()
        made = self.driver("google.oauth2.service_account").Credentials
        try:
            return made.from_service_account_info(key_of(values["OAuthJWTCert"]))
        except ValueError as error:
            raise AuthenticationFailed(
                "The key of the service account can't be used.", hint="Make a new one and paste the file."
            ) from error

    def key_lines(self, fetch: Fetch, refs: Sequence[TableRef], describing: Describing) -> list[Sequence[Any]]:
        """Return the lines of the catalog that tell keys; a public data set may not show them."""
        try:
            return super().key_lines(fetch, refs, describing)
        except SourceRejected:
            return []


def is_address(text: str) -> bool:
    """Claim that the text is an address that may be used."""
    try:
        found = urlsplit(text.strip())
        return (
            found.port != 0 and bool(found.hostname) and (found.scheme == "https" or (found.scheme == "http" and found.hostname in LOCAL))
        )
    except ValueError:
        return False


def key_of(text: str | None) -> dict[str, Any]:
    """Return the key file's content; {} where it is none."""
    try:
        found = json.loads(text or "")
    except ValueError:
        return {}
    return found if isinstance(found, dict) and found.get("private_key") else {}
