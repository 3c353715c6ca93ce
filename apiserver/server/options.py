"""The server's settings merged: environment, then settings.cfg, then the database, then defaults. Frozen for each request."""

from __future__ import annotations

import configparser
import logging
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from apiserver.environment import env
from apiserver.server import stamp
from apiserver.server.errors import NotReady, answering
from apiserver.server.models import ServerSettings

CORS: dict[str, Any] = {
    "enabled": False,
    "allow_all_without_star": False,
    "allow_origins": ["*"],
    "allow_methods": ["GET", "PUT", "POST", "OPTIONS"],
    "allow_headers": ["x-ms-client-request-id", "authorization", "content-type"],
    "echo_headers": False,
    "allow_credentials": False,
    "max_age": 3600,
}
# What one request may ask for; apiserver/odata/parser_errors.py has the same names.
REQUEST_LIMITS: dict[str, Any] = {
    "url_bytes": 16 * 1024,
    "header_bytes": 16 * 1024,
    "header_block_bytes": 32 * 1024,
    "header_count": 100,
    "body_bytes": 2 * 1024 * 1024,
    "json_depth": 50,
    "filter_nodes": 200,
    "filter_depth": 40,
    "in_values": 200,
    "lambda_depth": 3,
    "expand_depth": 5,
    "expand_levels": 3,
    "orderby_items": 20,
    "select_items": 200,
    "path_segments": 40,
    "number_digits": 40,
    "request_seconds": 30,
    "source_calls": 200,
    "source_rows": 200_000,
    "source_memory": 256,
    "page_bytes": 32 * 1024 * 1024,
    "reader_seconds": 60,
    "upload_megabytes": 512,
}
# How rows that are new are looked for and told.
TRIGGERS: dict[str, Any] = {
    "rows": 100,
    "interval_seconds": 5,
    "late_seconds": 600,
    "reconcile_seconds": 300,
    "reconcile_rows": 10_000,
    "sweep_seconds": 60,
    "keys": 100_000,
    "subscriptions": 1000,
    "hosts": [],
    "give_up_days": 5,
    "log_days": 7,
}
# Reads whose answer comes later.
LONG_READS: dict[str, Any] = {
    "per_user": 10,
    "at_once": 2,
    "seconds": 3600,
    "megabytes": 100,
    "kept_megabytes": 1000,
    "keep_minutes": 60,
}
# Replication jobs: runs that a worker does at once, how long their history is kept, lines of one run's log.
JOBS: dict[str, Any] = {"at_once": 4, "keep_days": 30, "log_lines": 10_000}
# Sign-in for other programs: how long codes, access tokens and refresh tokens live.
OAUTH: dict[str, Any] = {"code_seconds": 60, "access_minutes": 60, "refresh_days": 90}
LIMITS: dict[str, Any] = {"requests_per_hour": -1, "concurrent_requests": -1, "token_days": 0}
DEFAULTS: dict[str, Any] = {
    "public_url": "",
    "api": {},
    "trusted_addresses": ["127.0.0.1", "::1"],
    "trusted_proxies": [],
    "allow_authtoken_in_url": False,
    "page_size": 1000,
    "max_page_size": 10000,
    "put_merges": False,
    "cors": CORS,
    "limits": LIMITS,
    "request_limits": REQUEST_LIMITS,
    "outgoing": {"allow": []},
    "triggers": TRIGGERS,
    "long_reads": LONG_READS,
    "jobs": JOBS,
    "oauth": OAUTH,
    "jwt": [],
    "anonymous": False,
    "packages": {},
}
# settings.cfg of the replaced product, section [Application]: its names for ours. What DEFAULTS lacks comes from there or a variable only.
FILE_NAMES = {"allowauthtokeninurl": "allow_authtoken_in_url", "installconnectors": "install_connectors"}
LOOK_MINUTES = 15  # api.look_minutes, between two looks at the tables of a database; 0 = only when somebody asks
FIRST_VERSION = "1.0"  # of the contract
SWITCHES = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """Every setting of the server, in force."""

    public_url: str
    api: Mapping[str, Any]
    trusted_addresses: tuple[str, ...]
    trusted_proxies: tuple[str, ...]
    allow_authtoken_in_url: bool
    page_size: int
    max_page_size: int
    put_merges: bool
    cors: Mapping[str, Any]
    limits: Mapping[str, Any]
    request_limits: Mapping[str, Any]
    outgoing: Mapping[str, Any]
    triggers: Mapping[str, Any]
    long_reads: Mapping[str, Any]
    jobs: Mapping[str, Any]
    oauth: Mapping[str, Any]
    jwt: tuple[Mapping[str, Any], ...]  # as configuration_jwt checks them
    anonymous: bool
    packages: Mapping[str, Any]  # user name -> what package_choices keeps
    contract_version: str = FIRST_VERSION  # info.version of the descriptions
    origins: Mapping[str, str] = field(default_factory=dict)  # setting -> where it is locked: a variable or settings.cfg


@dataclass(frozen=True, slots=True)
class Known:
    """The options of this process, what they were made of, and when settings.cfg was looked at."""

    options: ServerOptions
    stamp: int
    file_time: float
    looked: float


class Cache:
    """Replaced whole, so that no thread pairs old options with a new stamp."""

    known: Known | None = None


def current() -> ServerOptions:
    """Return the settings in force; neither query nor file access while nothing changed, but for a look twice a second."""
    number, now, known = stamp.value(), time.monotonic(), Cache.known
    if known is not None and number == known.stamp and now - known.looked <= stamp.SECONDS:
        return known.options
    changed = file_time()
    is_same = known is not None and (number, changed) == (known.stamp, known.file_time)
    found = known.options if known is not None and is_same else merged(stored(), contract_version())
    Cache.known = Known(found, number, changed, now)
    return found


def of(request: HttpRequest) -> ServerOptions:
    """Return the settings that the request began under."""
    found: ServerOptions | None = getattr(request, "server_options", None)
    return current() if found is None else found


def body_bound() -> int:
    """Return how much of a body without a length is read: the most that the API or the pages take."""
    try:
        most = int(current().request_limits["body_bytes"])
    except NotReady:  # the request is refused for that soon
        most = 0
    return max(most, settings.DATA_UPLOAD_MAX_MEMORY_SIZE)


def stored() -> dict[str, Any]:
    """Return what the database holds."""
    with answering():
        row = ServerSettings.objects.filter(pk=1).first()
    return dict(row.values) if row else {}


def contract_version() -> str:
    """Return the version of the contract: it rises when what is published changes."""
    with answering():
        found = ServerSettings.objects.filter(pk=1).values_list("contract_version", flat=True).first()
    return found or FIRST_VERSION


def set_contract_version(version: str) -> None:
    """Store another version of the contract, beside settings that others store at the same time."""
    if not ServerSettings.objects.filter(pk=1).update(contract_version=version):
        ServerSettings.objects.create(pk=1, contract_version=version)
    stamp.changed()


def save(values: Mapping[str, Any]) -> bool:
    """Store settings beside those already stored; return whether anything changed."""
    return replace({**stored(), **values})


def replace(values: Mapping[str, Any]) -> bool:
    """Store exactly these settings; return whether anything changed."""
    after = {name: value for name, value in values.items() if value != DEFAULTS[name]}
    if after == stored():
        return False
    ServerSettings.objects.update_or_create(pk=1, defaults={"values": after})
    stamp.changed()
    return True


def merged(values: Mapping[str, Any], version: str = FIRST_VERSION) -> ServerOptions:
    """Return defaults, database, settings.cfg and environment, the later over the earlier."""
    found: dict[str, Any] = {**DEFAULTS, **values}
    for name in ("cors", "limits", "request_limits", "outgoing", "triggers", "long_reads", "jobs", "oauth"):
        found[name] = {**DEFAULTS[name], **found[name]}
    origins: dict[str, str] = {}
    for name, value in ((name, value) for name, value in from_file().items() if name in DEFAULTS):
        found[name], origins[name] = value, "settings.cfg"
    public_url = env("APISERVER_PUBLIC_URL").rstrip("/")
    if public_url:
        found["public_url"], origins["public_url"] = public_url, "APISERVER_PUBLIC_URL"
    known = {item.name for item in fields(ServerOptions)}
    frozen: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in found.items() if name in known}
    return ServerOptions(origins=origins, contract_version=version, **frozen)


def settings_file() -> Path:
    """Return the path of settings.cfg."""
    return Path(settings.DATA_DIR) / "settings.cfg"


def file_time() -> float:
    """Return when settings.cfg changed last; 0 when there is none."""
    try:
        return settings_file().stat().st_mtime
    except OSError:
        return 0.0


def from_file() -> dict[str, Any]:
    """Return the settings of settings.cfg that we know."""
    found, problems = read_file()
    for problem in problems:
        logger.warning("%s", problem)
    return found


def file_problems() -> list[str]:
    """Return what of settings.cfg can't be understood, and so counts as not said."""
    return read_file()[1]


def read_file() -> tuple[dict[str, Any], list[str]]:
    """Return the known settings of settings.cfg and what is wrong with it."""
    try:
        section = application_section(settings_file().read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return {}, []
    except (OSError, UnicodeDecodeError, configparser.Error) as error:
        return {}, [f"{settings_file()} can't be read: {error}"]
    known = {FILE_NAMES[name]: value.strip() for name, value in section.items() if name in FILE_NAMES}
    found = {name: SWITCHES[value.lower()] for name, value in known.items() if value.lower() in SWITCHES}
    return found, [f"{settings_file()}: {name} must be true or false, not {known[name]!r}" for name in known if name not in found]


def application_section(text: str) -> Mapping[str, str]:
    """Return the entries of [Application]; the section and its entry may stand on one line, as articles print them."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.read_string(re.sub(r"(?m)^(\s*\[[^\]\n]+\])[ \t]+(?=\S)", r"\1\n", text))
    return dict(parser["Application"]) if parser.has_section("Application") else {}
