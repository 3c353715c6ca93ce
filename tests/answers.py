"""One answer of the API, over HTTP or within the process, as tests read it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Answer:
    """One answer, read whole; its headers are asked for in the case in which they came."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        kind = next(value for name, value in self.headers.items() if name.lower() == "content-type")
        assert kind.startswith("application/json"), self.body
        return self.json["error"]

    @property
    def rows(self) -> list[dict[str, Any]]:
        assert self.status == 200, self.body
        return self.json["value"]

    def ids(self, key: str = "id") -> list[Any]:
        return [row[key] for row in self.rows]
