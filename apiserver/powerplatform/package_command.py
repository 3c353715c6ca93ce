"""`manage.py powerplatform package --user NAME --output FILE.zip`: the connector package, with no server running or beside one.

Choices are kept: what is not given is as it was the last time. Exit code 1: nothing was written, or Power Platform would refuse it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.management.base import CommandError, CommandParser

from apiserver.environment import env
from apiserver.odata.errors import ODataError
from apiserver.powerplatform import package_keeping
from apiserver.powerplatform.package import Package, build
from apiserver.resources.services import catalog_for
from apiserver.server import options as server_options
from apiserver.server.addresses import is_public_url
from apiserver.server.commands import OwnCommand
from apiserver.server.configuration_protocol import ConfigurationError, nearest
from apiserver.server.package_choices import AUTHS, Choices
from users.models import User
from users.principal import principal_of

TEXTS = {
    "name": "the connector's name",
    "color": "its colour, such as #0a5c8a",
    "connection": "only resources of this connection",
    "publisher": "who publishes it (certification)",
    "stack_owner": "who owns the service (certification)",
    "client_id": "the id of the OAuth client",
    "tenant": "the directory of Microsoft Entra ID",
    "resource_uri": "what tokens of Microsoft Entra ID are for",
    "environment": "the Power Platform environment",
    "connector_id": "the connector to update",
}
SWITCHES = {"gateway": "the server is reached through an on-premises data gateway", "certification": "add what certification asks for"}


class MakePackage:
    """The subcommand."""

    help = "Write the connector package of a user as a zip, or as a folder."

    @staticmethod
    def add_arguments(parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("--user", required=True, help="whose rights the connector shows")
        parser.add_argument("--output", required=True, type=Path, help="a file that ends with .zip, or a folder")
        parser.add_argument("--auth", choices=AUTHS, help="how makers sign in")
        parser.add_argument("--resources", help="only these resources, separated by commas; an empty text for all")
        for name, text in TEXTS.items():
            parser.add_argument(f"--{name.replace('_', '-')}", help=text)
        for name, text in SWITCHES.items():
            parser.add_argument(f"--{name}", action="store_true", default=None, help=text)
            parser.add_argument(f"--no-{name}", action="store_false", dest=name, help=f"not: {text}")
        parser.add_argument("--public-url", help="the address of the server, such as https://api.example.com")
        parser.add_argument("--json", action="store_true", help="tell the result as one JSON line")

    @staticmethod
    def run(command: OwnCommand, options: dict[str, Any]) -> None:
        """Build, write and tell."""
        command.migrate()
        user = user_of(options["user"])
        try:
            choices = package_keeping.changed(package_keeping.kept(user.name), given(options), f"packages.{user.name}")
            found = build(catalog_for(principal_of(user)), root_of(options["public_url"]), choices)
            write(found, options["output"])
        except ODataError as error:
            raise CommandError(f"Nothing was written. {error.message} {error.hint}".strip()) from error
        except (ConfigurationError, OSError) as error:
            raise CommandError(f"Nothing was written. {error}") from error
        package_keeping.keep(user.name, named(choices, found), who="manage.py")
        tell(command, found, options)


def user_of(name: str) -> User:
    """Return the user."""
    found = User.objects.filter(name=name).first()
    if found is None:
        raise CommandError(f"There is no user {name!r}{nearest(name, list(User.objects.values_list('name', flat=True)))}.")
    return found


def given(options: dict[str, Any]) -> dict[str, Any]:
    """Return what was chosen this time."""
    found = {name: options[name] for name in (*TEXTS, *SWITCHES, "auth") if options[name] is not None}
    if options["resources"] is not None:
        found["resources"] = [name.strip() for name in options["resources"].split(",") if name.strip()]
    return found


def named(choices: Choices, found: Package) -> Choices:
    """Return the choices with the name that the connector has from now on."""
    return choices if choices.name else package_keeping.changed(choices, {"name": found.title})


def root_of(address: str | None) -> str:
    """Return the service root that clients use."""
    if address and (not is_public_url(address) or not urlsplit(address).scheme):
        raise ConfigurationError(f"The public address {address!r} can't be used: give one such as https://api.example.com.")
    site = address or server_options.current().public_url
    if not site:
        site = f"http://{env('APISERVER_HOST') or '127.0.0.1'}:{env('APISERVER_PORT') or '8153'}"
    return f"{site.rstrip('/')}/api.rsc"


def write(found: Package, output: Path) -> None:
    """Write the zip, or the files into a folder."""
    if output.suffix.lower() == ".zip":
        output.write_bytes(found.zipped())
        return
    output.mkdir(parents=True, exist_ok=True)
    for name, content in found.files.items():
        (output / name).write_bytes(content)


def tell(command: OwnCommand, found: Package, options: dict[str, Any]) -> None:
    """Tell what was written and what the platform would say; exit 1 where it would refuse."""
    is_refused = any(item.is_error for item in found.findings)
    if options["json"]:
        problems = [{"level": "error" if item.is_error else "warning", "text": item.text} for item in found.findings]
        told = {
            "output": str(options["output"]),
            "name": found.title,
            "operations": found.operations,
            "files": sorted(found.files),
            "findings": problems,
        }
        command.stdout.write(json.dumps(told))
    else:
        command.stdout.write(f"{found.title}: {found.operations} operations in {options['output']}")
        for item in found.findings:
            command.stderr.write(f"{'error' if item.is_error else 'warning'}: {item.text}")
    if is_refused:
        command.stdout.flush()
        sys.exit(1)
