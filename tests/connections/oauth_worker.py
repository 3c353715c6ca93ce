"""`python -m tests.connections.oauth_worker ID`: a process of the product that takes tokens as told, line by line; it answers in JSON.

expire: let the access token have ended. take N: N threads ask at once. fall: end without a trace where the database would store the answer.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "apiserver.settings")


def main() -> None:
    import django

    django.setup()
    from connections.models import Connection
    from tests.connections.oauth import expire

    connection = Connection.objects.get(pk=int(sys.argv[1]))
    print("ready", flush=True)
    for line in sys.stdin:
        word, _, number = line.strip().partition(" ")
        answer: Any = word
        if word == "expire":
            expire(connection)
        elif word == "fall":
            fall()
        elif word == "take":
            answer = take(connection, int(number))
        print(json.dumps(answer), flush=True)


def fall() -> None:
    """End this process with kill -9 at the moment before the commit."""
    from connections.oauth import store

    def change(grant: Any, fields: Any) -> bool:
        os.kill(os.getpid(), signal.SIGKILL)
        return False

    store.change = change


def take(connection: Any, count: int) -> list[tuple[str, str]]:
    """Return what each of many threads got: a token, or why not."""
    from django.db import connection as own

    from connections.contract.errors import ConnectorError
    from tests.connections.oauth import tokens_of

    tokens, gate = tokens_of(connection), threading.Barrier(count)

    def one(_: int) -> tuple[str, str]:
        gate.wait()
        try:
            return tokens.access(), ""
        except ConnectorError as error:
            return "", f"{error.message} {error.hint}"
        finally:
            own.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


if __name__ == "__main__":
    main()
