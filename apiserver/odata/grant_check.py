"""Whether a user's rights to one resource make sense: the resource, its columns, a row filter that binds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apiserver.odata.binder import Binder
from apiserver.odata.binder_errors import BindError
from apiserver.odata.binder_state import Scope, row_filter
from apiserver.odata.parser import ODataSyntaxError
from apiserver.resources.builder import published
from apiserver.resources.catalog import Catalog
from apiserver.server.configuration_protocol import ConfigurationError, nearest, reference
from connections.contract.errors import NotSupported
from connections.services import session_for


def check(name: str, grant: Mapping[str, Any], place: str) -> None:
    """Raise ConfigurationError that names what is wrong and the nearest valid word."""
    resources = published()
    resource = resources[reference(name, resources, place)]
    known = {item.name for item in resource.properties} | {item.column.name for item in resource.properties}
    for column in grant.get("columns") or ():
        if column not in known:
            raise ConfigurationError(f"{place}.columns: {name} has no column {column!r}{nearest(str(column), known)}.")
    text = grant.get("filter")
    if not text:
        return
    try:
        binder = Binder(Catalog(resources, ""), session_for(resource.connection_id).dialect, (), {})
        binder.boolean(row_filter(str(text)), Scope(resource, "t", is_whole=True))
    except (BindError, ODataSyntaxError, NotSupported) as error:
        raise ConfigurationError(f"{place}.filter: {error.message}") from error
