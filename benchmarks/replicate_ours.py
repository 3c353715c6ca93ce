"""The product's side of the benchmark: a worker that moves what it is asked for on its standard input, one line of JSON each."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any


class Nobody:
    """A watch that nobody looks at."""

    def read(self, rows: int, pages: int, size: int) -> None:
        """Take no note."""

    def wrote(self, merged: Any, *, deleted: int = 0, repaired: int = 0) -> None:
        """Take no note."""

    def counted(self, *counts: Any, **named: Any) -> None:
        """Take no note."""

    def total(self, rows: int) -> None:
        """Take no note."""

    def says(self, level: str, text: str) -> None:
        """Show what the move says."""
        print(f"ours: {level}: {text}", file=sys.stderr)

    def stop_if_asked(self) -> None:
        """Go on."""


def connections(folder: Path, address: dict[str, Any]) -> dict[str, int]:
    """Store the connections; return their numbers by name."""
    from benchmarks.replicate_data import DESTINATION, SOURCE
    from connections.services import save_connection

    server = {"Server": address["host"], "Port": address["port"], "User": address["user"]}
    given = {
        "postgresql": ("postgresql", {**server, "Database": SOURCE}),
        "destination": ("postgresql", {**server, "Database": DESTINATION}),
        "sqlite": ("sqlite", {"Database": str(folder / "orders.db")}),
    }
    return {name: save_connection(name=name, connector=kind, values=values).pk for name, (kind, values) in given.items()}


def api(address: str) -> int:
    """Store the connection to the fake API."""
    from apiserver.server import options
    from connections.services import save_connection

    options.save({"outgoing": {"allow": [address]}})
    values = {"URL": address, "Path": "/issues", "Table": "Issues", "Paging": "NextURL", "NextPath": "next", "Key": "Id"}
    return save_connection(name=f"api{address.rpartition(':')[2]}", connector="rest", values=values).pk


def moved(ids: dict[str, int], asked: dict[str, Any]) -> float:
    """Move; return the seconds."""
    from apiserver.jobs.moving import Order, Settings, move
    from apiserver.jobs.replicate import replicate

    source = api(asked["source"]) if asked["case"] == "api" else ids[asked["source"]]
    name = "Issues" if asked["case"] == "api" else "orders"
    settings = Settings(check_columns=(asked["check"],) if asked["check"] else ())
    order = Order(asked["table"], replicate(f"REPLICATE [{asked['table']}] [{name}]"), source, ids["destination"], settings=settings)
    begun = time.perf_counter()
    move(order, Nobody())
    return time.perf_counter() - begun


def main() -> None:
    """Get ready, then move what is asked for until the input ends."""
    folder, address = Path(sys.argv[1]), json.loads(sys.argv[2])
    os.environ |= {"APISERVER_DATA_DIR": str(folder / "data"), "DJANGO_SETTINGS_MODULE": "apiserver.settings"}
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    ids = connections(folder, address)
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps({"seconds": moved(ids, json.loads(line))}), flush=True)


if __name__ == "__main__":
    main()
