"""Warehouses as destinations of jobs: read as any other database, loaded through dlt."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from connections.connectors.dbapi.connector import DbapiConnector
from connections.connectors.dbapi.loading_dlt import DltLoading, missing_loader, refuse_missing
from connections.connectors.dbapi.session import DbapiSession
from connections.contract.errors import NotSupported


class WarehouseSession(DbapiSession):
    """A warehouse in use; also the writer that jobs load through."""

    _database: WarehouseConnector

    def loading(self, seconds: int) -> DltLoading:
        """Return a writer; dlt has its own limits of time."""
        if self._is_read_only:
            raise NotSupported("This connection is read-only.", hint="An administrator can allow writes on the connection's page.")
        warehouse, values = self._database, self._values
        refuse_missing(warehouse.label, warehouse.loader)
        return DltLoading(lambda: warehouse.destination(values), warehouse.dataset(values), warehouse.translate, self._zone)


class WarehouseConnector(DbapiConnector):
    """A warehouse that dlt has a destination for."""

    is_destination: ClassVar[bool] = True
    session: ClassVar[type[DbapiSession]] = WarehouseSession
    loader: ClassVar[str]  # the extra of dlt

    def missing_loader(self) -> str:
        """Return the command that installs what loads are made with; '' where it is there."""
        return missing_loader(self.loader)

    @abstractmethod
    def destination(self, values: Mapping[str, Any]) -> Any:
        """Return dlt's destination with the connection's credentials."""

    @abstractmethod
    def dataset(self, values: Mapping[str, Any]) -> str:
        """Return the schema that is loaded into where a job names none."""
