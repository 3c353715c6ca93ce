"""`$parts`: what of a user's $oas one connector holds, and addresses of parts that together hold all of it; told to the user."""

from __future__ import annotations

from typing import Any

import orjson
from django.http import HttpResponseBase

from apiserver.odata.documents import ByFingerprint
from apiserver.odata.errors import NotFound
from apiserver.odata.service import Exchange
from apiserver.odata.swagger_limits import MOST_BYTES, MOST_IN_SOLUTION, MOST_OPERATIONS
from apiserver.odata.swagger_report import Measure, reported
from apiserver.powerplatform.documents import only_read
from apiserver.server.responses import ApiResponse

LIMITS = {"operations": MOST_OPERATIONS, "bytes": MOST_BYTES, "bytesInSolution": MOST_IN_SOLUTION}


def answer(exchange: Exchange, path: str) -> HttpResponseBase:
    """Answer `$parts`."""
    only_read(exchange)
    if "/" in path:
        raise NotFound("There is nothing below $parts.", hint="Ask for $parts itself.")
    root = exchange.context.root
    found = reported(ByFingerprint(exchange.catalog), root)
    body = {
        "limits": LIMITS,
        "whole": as_data(found.whole, root),
        "kinds": [as_data(item, root) for item in found.choices],
        "parts": [as_data(item, root) for item in found.parts],
        "resourcesInNoPart": found.untold,
    }
    return ApiResponse(orjson.dumps(body), content_type="application/json")


def as_data(measure: Measure, root: str) -> dict[str, Any]:
    """Return a measure as `$parts` tells it."""
    return {
        "address": measure.address(root),
        "resources": measure.resources,
        "operations": measure.operations,
        "bytes": measure.size,
        "leftOut": list(measure.left_out),
        "resourcesLeftOut": measure.untold,
        "fits": measure.is_whole,
        "fitsSolution": measure.is_for_solutions,
    }
