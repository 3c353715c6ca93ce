"""S14 and S15: file connections stay in their folders, and no file hurts whoever opens it."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path
from typing import Any
from urllib.parse import quote

from chaos.memory import Peak
from chaos.promises import promise, require
from chaos.site import EVERY, HEADERS, TOKEN, folder, serving
from tests.connectors.files.hostile_files import make
from tests.connectors.files.ways_out import OUT, SECRET, with_ways_out
from tests.served import Served

MOST_MIB = 600


def site(files: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration with one files connection and an administrator of the API."""
    return {
        "connections": {"files": {"connector": "files", "properties": files}},
        "users": {"flow": {"role": "admin", "privileges": EVERY, "authtoken": TOKEN}},
    }


def ask(served: Served, path: str, method: str = "GET", body: Any = None) -> tuple[int, str]:
    """Return status and text of one request; never an error that nobody expected."""
    status, _, text = served.get(path, HEADERS, method, body)
    require(status != 500, f"500 for {method} {path}")
    return status, text.decode(errors="replace")


def opened(served: Served, connection: str) -> tuple[int, str]:
    """Publish and read every table of a connection; return how many gave rows, and all that was said."""
    status, told = ask(served, f"/manage/api/connections/{connection}/tables?refresh=true")
    if status != 200:
        return 0, told
    rows = 0
    for number, item in enumerate(json.loads(told)["results"]):
        name = f"{connection}_{number}"
        entry = {"name": name, "connection": connection, "schema": item["schema"], "table": item["table"], "methods": ["GET"]}
        status, text = ask(served, "/manage/api/resources/", "POST", entry)
        told += text
        if status == 201:
            status, text = ask(served, f"/api.rsc/{quote(name)}?$top=50")
            rows += status == 200
            told += text
    return rows, told


@promise("S14")
def files_stay_in_their_folder() -> str:
    with folder() as where:
        inside, outside = where / "in", where / "out"
        with_ways_out(inside, outside)
        own = where / "data"
        paths = [uri.replace("{out}", str(outside)) for uri in OUT] + [
            f"{own}/{name}" for name in ("server.json", "*.sqlite3", "secret-key")
        ]
        with serving(site({"URI": "good.csv"}), where, APISERVER_ALLOWED_FOLDERS=str(inside)) as served:
            require(opened(served, "files")[0] == 1, "the good file can't be read")
            read = [uri for number, uri in enumerate(paths) if is_read(served, f"way{number}", uri)]
    require(not read, f"read: {read}")
    return f"{len(read)} of {len(paths)} paths out of the folder read"


def is_read(served: Served, name: str, uri: str) -> bool:
    """Claim that a path outside of the folder gave rows, or that what lies there was told."""
    entry = {"name": name, "connector": "files", "properties": {"URI": uri}}
    status, told = ask(served, "/manage/api/connections/", "POST", entry)
    rows = 0
    if status == 201:
        told += ask(served, f"/manage/api/connections/{name}/test", "POST")[1]
        rows, more = opened(served, name)
        told += more
    return bool(rows) or SECRET in told


class Listener(threading.Thread):
    """An address that nobody must call."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self.calls = 0

    def run(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            connection.close()
            self.calls += 1


@promise("S15")
def files_cannot_hurt() -> str:
    listener = Listener()
    listener.start()
    with folder() as where:
        names = make(where / "in", listener.port)
        size = sum(path.stat().st_size for path in Path(where / "in").iterdir()) // 2**20
        with serving(site({"URI": "."}), where, APISERVER_ALLOWED_FOLDERS=str(where / "in"), APISERVER_WEB_WORKERS="1") as served:
            peak = Peak(served)
            peak.start()
            rows, told = opened(served, "files")
            grown = peak.stop()
            require(served.get("/readyz")[0] == 200, "the server is not ready any more")
    require(grown < MOST_MIB, f"memory +{grown:.0f} MiB")
    require(listener.calls == 0, f"{listener.calls} outside calls")
    require("root:" not in told, "a file outside was told")
    found = f"{len(names)} files of {size} MiB ({rows} tables harmless): 0 unexpected errors"
    return f"{found}, memory +{grown:.0f} MiB at most, {listener.calls} outside calls"
