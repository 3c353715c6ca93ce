"""Who is told of a job's runs, where that differs from Settings, Notifications: `Job.notify`, and `notify:` in the configuration file."""

from __future__ import annotations

from typing import Any

from apiserver.server.configuration_protocol import ConfigurationError, check_keys, reference
from apiserver.server.configuration_server import text
from apiserver.server.notification_settings import ON, recipients, switch_word, with_on
from connections.engine.sql_reader import SqlProblem, parse

KEYS = ("on", "to", "subject", "text", "query")
LONGEST = {"subject": 200, "text": 20_000, "query": 10_000}


def checked(data: Any, place: str) -> dict[str, Any]:
    """Return what differs from the server's settings; raise ConfigurationError with the place. What is empty does not differ."""
    given = check_keys(with_on(data or {}), KEYS, place)
    found: dict[str, Any] = {}
    if given.get("on") not in (None, ""):
        found["on"] = reference(switch_word(given["on"]), ON, f"{place}.on")
    if given.get("to"):
        found["to"] = recipients(given["to"], f"{place}.to")
    for name, most in LONGEST.items():
        if given.get(name):
            found[name] = text(given[name], f"{place}.{name}").strip()
            if len(found[name]) > most or "\0" in found[name]:
                raise ConfigurationError(f"{place}.{name}: {most} characters are the most.")
    if found.get("query"):
        try:
            parse(found["query"])
        except SqlProblem as error:
            raise ConfigurationError(f"{place}.query: {error.message}") from error
    return {name: value for name, value in found.items() if value}
