"""S24: a fresh installation is closed until somebody opens it: nine things, each asked of the server."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from urllib.parse import urlsplit

import requests

from chaos.promises import promise, require
from chaos.site import folder, post
from tests.served import Served, manage, serve


def local_only(served: Served) -> bool:
    """Claim that only this machine's own address is listened on."""
    port = f"{urlsplit(served.base).port or 0:04X}"
    lines = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    listening = {parts[1].partition(":")[0] for parts in lines if parts[1].endswith(f":{port}") and parts[3] == "0A"}
    return listening == {"0100007F"}


def foreign_refused(served: Served) -> bool:
    """Claim that another address is refused, also when it says to be this one."""
    with socket.create_connection(("127.0.0.1", urlsplit(served.base).port or 0), source_address=("127.0.0.2", 0)) as made:
        made.sendall(b"GET /api.rsc/ HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 127.0.0.1\r\nConnection: close\r\n\r\n")
        return made.recv(100).split()[1] == b"403"


def no_default_password(served: Served) -> bool:
    """Claim that usual names and passwords let nobody in."""
    for name, password in (("admin", "admin"), ("admin", ""), ("admin", "password"), ("root", "root"), ("apiserver", "apiserver")):
        session = requests.Session()
        post(session, f"{served.base}/console/sign-in", {"name": name, "password": password})
        if "apiserver_session" in session.cookies:
            return False
    return True


def random_keys(served: Served, other: Served) -> bool:
    """Claim that keys are made for this installation, long enough and for its owner alone."""
    files = [(item.data_dir / name) for item in (served, other) for name in ("secret.key", "encryption.keys")]
    texts = {file.read_text().strip() for file in files}
    return len(texts) == 4 and min(map(len, texts)) >= 32 and all(file.stat().st_mode & 0o77 == 0 for file in files)


def no_debug(served: Served) -> bool:
    """Claim that errors show nothing of the inside."""
    text = requests.get(f"{served.base}/nothing-here", timeout=30).text
    return "Traceback" not in text and "DEBUG" not in text and "urlpatterns" not in text


def url_tokens_off(served: Served) -> bool:
    """Claim that an authtoken in the address is refused as such."""
    status, _, body = served.get("/api.rsc/@0123456789012345678901234/")
    return status == 401 and b"not allowed" in body


def cors_off(served: Served) -> bool:
    """Claim that no other page may ask."""
    _, headers, _ = served.get("/api.rsc/", {"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"}, "OPTIONS")
    return not any(name.startswith("access-control-") for name in headers)


def outgoing_off(served: Served) -> bool:
    """Claim that no address inside is allowed to be called, and nobody without an authtoken."""
    file = served.data_dir / "exported.json"
    manage(served.data_dir, "export", str(file))
    done = manage(served.data_dir, "diff", str(file))
    settings = file.read_text() if done.returncode == 0 else "outgoing"
    return "outgoing" not in settings and "anonymous" not in settings


def everything_401(served: Served) -> bool:
    """Claim that nothing is told without an authtoken."""
    paths = ("/api.rsc/", "/api.rsc/$metadata", "/api.rsc/$oas", "/api.rsc/x", "/manage/api/users/")
    return {served.get(path)[0] for path in paths} == {401}


@promise("S24")
def a_fresh_installation_is_closed() -> str:
    with folder() as one, folder() as two:
        served, other = serve(data_dir=one), serve(data_dir=two)
        try:
            found = {
                "local address only": local_only(served),
                "other addresses refused": foreign_refused(served),
                "no default password": no_default_password(served),
                "keys of its own": random_keys(served, other),
                "no debug": no_debug(served),
                "authtokens in URLs off": url_tokens_off(served),
                "CORS off": cors_off(served),
                "outgoing and anonymous off": outgoing_off(served),
                "401 everywhere": everything_401(served),
            }
        finally:
            served.stop()
            other.stop()
    require(all(found.values()), json.dumps([name for name, holds in found.items() if not holds]))
    return f"{sum(found.values())} of {len(found)}: {', '.join(found)}"
