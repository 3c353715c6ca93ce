"""`manage.py serve`: migrate, bind, print the addresses once they answer, run until stopped."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import socket
import ssl
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser
from django.utils import timezone
from django.utils.module_loading import import_string

from apiserver.environment import WEB_WORKERS, env, env_int
from apiserver.server import certificates, lifeline
from apiserver.server.addresses import is_public_url
from apiserver.server.commands import OwnCommand
from apiserver.server.supervisor import ServeOptions, become


class Command(OwnCommand):
    """Run the whole product: web workers, background worker, scheduler."""

    help = "Run the whole product: web workers, background worker, scheduler."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default=env("APISERVER_HOST") or "127.0.0.1")
        parser.add_argument("--port", type=int, default=env_int("APISERVER_PORT", env_int("PORT", 8153)))
        parser.add_argument("--tls-cert", type=Path, default=optional_path("APISERVER_TLS_CERT"), help="certificate chain, PEM")
        parser.add_argument("--tls-key", type=Path, default=optional_path("APISERVER_TLS_KEY"), help="private key, PEM")
        parser.add_argument("--tls-self-signed", action="store_true", help="make a certificate for trials")
        parser.add_argument("--public-url", default=env("APISERVER_PUBLIC_URL"), help="the address that clients use")
        parser.add_argument("--json", action="store_true", help="tell readiness as one JSON line")
        parser.add_argument("--demo", action=argparse.BooleanOptionalAction, default=False, help="load and publish the demo data")

    def handle(self, *args: Any, **options: Any) -> None:
        data_dir = Path(settings.DATA_DIR)
        try:
            lock = lifeline.hold(data_dir / "serve.lock")
        except lifeline.AlreadyRunning as error:
            raise CommandError(str(error)) from error
        with lock:
            serve = self.serve_options(options, data_dir)
            demo, setup = self.prepare(options)
            become(serve, self.welcome(serve, options, demo, setup), lock.fileno())

    def serve_options(self, options: dict[str, Any], data_dir: Path) -> ServeOptions:
        """Return checked options; a port in use or a bad key is told now, not by a child's traceback."""
        certificate, key = tls_files(options, data_dir)
        if options["public_url"] and not is_public_url(options["public_url"]):
            raise CommandError(f"The public address {options['public_url']!r} can't be used: give one such as https://api.example.com.")
        port = bound_port(options["host"], options["port"])
        if options["public_url"]:
            os.environ["APISERVER_PUBLIC_URL"] = options["public_url"]
            os.environ.pop("APISERVER_PUBLIC_URL_FILE", None)  # it would win over what was just said
        workers = env_int("APISERVER_WEB_WORKERS", WEB_WORKERS)
        tls = {"certificate": str(certificate or ""), "key": str(key or "")}
        return ServeOptions(options["host"], port, str(data_dir), workers, **tls, redis_url=settings.REDIS_URL, secrets=settings.SECRETS)

    def prepare(self, options: dict[str, Any]) -> tuple[dict[str, Any], str]:
        """Migrate, load the demo where asked, make sure an administrator can get in. Return demo details and set-up token."""
        self.migrate()
        demo = import_string("apiserver.resources.demo.load_demo")(now=timezone.now()) if options["demo"] else {}
        try:
            setup = import_string("users.setup.ensure_first_admin")(now=timezone.now())
        except ValidationError as error:
            raise CommandError(f"APISERVER_ADMIN_USER can't be used: {' '.join(error.messages)}") from error
        return demo, setup or ""

    def welcome(self, serve: ServeOptions, options: dict[str, Any], demo: dict[str, Any], setup: str) -> str:
        """Return the addresses that answer once the server is ready, for a program or a person."""
        base = (options["public_url"] or serve.local_url).rstrip("/")
        token = demo.get("authtoken", "")
        addresses = {
            "console": f"{base}/console/",
            "odata": f"{base}/api.rsc/",
            "oas": f"{base}/api.rsc/@{token}/$oas" if token else f"{base}/api.rsc/$oas",
            "setup_url": f"{base}/console/setup/{setup}" if setup else None,
        }
        if options["json"]:
            return json.dumps({"event": "ready", "pid": os.getpid(), **addresses})
        return self.page(serve, addresses, demo)

    def page(self, serve: ServeOptions, addresses: dict[str, str | None], demo: dict[str, Any]) -> str:
        """Return what a person reads."""
        lines = ["", "API Server is ready.", "", f"  Console     {addresses['console']}"]
        if addresses["setup_url"]:
            lines.append(f"  First admin {addresses['setup_url']}   (works once)")
        lines += [f"  OData       {addresses['odata']}", f"  $oas        {addresses['oas']}"]
        lines += [f"  Data        {serve.data_dir}"]
        if demo:
            quiet = " -k" if serve.certificate else ""
            address = f"{addresses['odata']}Customers?$top=3"
            lines += ["", "Try it:", f"  curl -s{quiet} -H 'x-cdata-authtoken: {demo['authtoken']}' '{address}'"]
        return "\n".join([*lines, "", "Press Ctrl+C to stop.", ""])


def optional_path(name: str) -> Path | None:
    """Return the path that a variable names."""
    text = env(name)
    return Path(text) if text else None


def tls_files(options: dict[str, Any], data_dir: Path) -> tuple[Path | None, Path | None]:
    """Return certificate and key as granian reads them."""
    if options["tls_self_signed"]:
        now = datetime.datetime.now(datetime.UTC)
        return certificates.self_signed(data_dir, options["host"], now)
    certificate, key = options["tls_cert"], options["tls_key"]
    if not certificate and not key:
        return None, None
    if not certificate or not key:
        raise CommandError("--tls-cert and --tls-key go together: give both")
    for path in (certificate, key):
        if not path.is_file():
            raise CommandError(f"The TLS file {path} does not exist")
    try:
        readable = certificates.pkcs8(key, data_dir)
    except (ValueError, TypeError) as error:
        raise CommandError(f"{key} is no private key that can be read without a passphrase (PEM): {error}") from error
    except OSError as error:
        raise CommandError(f"{key} can't be read: {error.strerror}") from error
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, readable)
    except OSError as error:
        raise CommandError(f"{certificate} and {key} are no pair of certificate and key (PEM): {error}") from error
    return certificate, readable


def bound_port(host: str, port: int) -> int:
    """Return the port, for 0 one that nothing listens on; raise when the address can't be bound."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.create_server((host, port), family=family, reuse_port=False) as probe:
            return int(probe.getsockname()[1])
    except OverflowError as error:
        raise CommandError(f"The port {port} can't be used: give --port or APISERVER_PORT a number from 0 to 65535.") from error
    except OSError as error:
        raise CommandError(f"Can't listen on {host}:{port}: {error.strerror}. Give another --port, or stop what uses it.") from error
