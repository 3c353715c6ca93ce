"""Loading rows into a warehouse through dlt, an optional install: one load package for each run of a task, the checkpoint in it.

dlt keeps its state beside the rows, in `_dlt_pipeline_state`, and takes it back only from packages that were completed. Its working folder
is ours and goes with the loading, so that two runs share nothing.
"""

from __future__ import annotations

import datetime as dt
import importlib.util
import logging
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any, ClassVar

from connections.connectors.dbapi.loading_duckdb import arrow, arrow_type, dialect, finite, kept
from connections.connectors.loaded_values import Driven
from connections.contract.dialect import Dialect
from connections.contract.errors import ConnectorError, NotSupported, SourceRejected
from connections.contract.loading import Bulk, Checkpoint
from connections.contract.table import Column, Table, TableInfo, TableRef, Type

VERSION = "1.31.0"  # of dlt, which the tests run with
SOURCE, STATE = "apiserver", "checkpoint"
# Names stay as they are, nobody is told what is loaded, and readers see the rows before a whole load or those after it.
SETTINGS: dict[str, Any] = {
    "schema.naming": "direct",
    "runtime.dlthub_telemetry": False,
    "destination.replace_strategy": "insert-from-staging",
    "load.raise_on_failed_jobs": True,
    "load.workers": 2,
    "normalize.workers": 1,
    "data_writer.buffer_max_items": 10_000,
}


def missing_loader(extra: str) -> str:
    """Return the command that installs dlt with what a warehouse needs; '' where dlt is there."""
    return "" if importlib.util.find_spec("dlt") else f'pip install "dlt[{extra}]=={VERSION}"'


class DltLoading:
    """One writer at a warehouse."""

    longest_name: ClassVar[int] = 127
    trims_names: ClassVar[bool] = False
    is_bulk: ClassVar[bool] = True
    reads_texts: ClassVar[bool] = False

    def __init__(
        self, destination: Callable[[], Any], dataset: str, translate: Callable[[Exception], ConnectorError], zone: dt.tzinfo
    ) -> None:
        self.dataset = dataset
        self.dialect: Dialect = dialect(zone)
        self._destination = destination
        self._translate = translate
        self._broken: Exception | None = None  # what ended the rows
        self._folder = tempfile.TemporaryDirectory(prefix="apiserver-dlt-")

    def close(self) -> None:
        """Remove the working folder."""
        with suppress(OSError):
            self._folder.cleanup()

    def stored(self, column: Column) -> Column:
        """Return the column as dlt takes it in Arrow's form; it knows no integers without a sign."""
        found = kept(column)
        return replace(found, type=Type.INT16) if found.type == Type.BYTE else found

    def describe(self, ref: TableRef) -> Table | None:
        """Say nothing of the table: dlt makes it, and lets it follow."""
        return None

    def planned(
        self, ref: TableRef, columns: Sequence[Column], key: Sequence[str], *, added: Sequence[str], widened: Sequence[str]
    ) -> list[str]:
        """Return nothing: the statements are dlt's."""
        return []

    def finish(self, ref: TableRef | None = None) -> None:
        """Do nothing: what was loaded is seen."""

    # ---- checkpoints ----

    def peek(self, task: str) -> str:
        """Return the data of a task's checkpoint."""
        with self._told():
            pipeline = self._pipeline(task)
            pipeline.sync_destination()
            return str(pipeline.state.get("sources", {}).get(SOURCE, {}).get(STATE, ""))

    def take(self, task: str) -> Checkpoint:
        """Return the checkpoint; a run of ours has the task for itself."""
        return Checkpoint(0, self.peek(task))

    def forget(self, task: str, data: str) -> None:
        """Write the checkpoint alone."""
        with self._told():
            pipeline = self._pipeline(task)
            pipeline.sync_destination()
            pipeline.extract(source_of([]))
            with pipeline.managed_state(extract_state=True) as state:
                state.setdefault("sources", {}).setdefault(SOURCE, {})[STATE] = data
            pipeline.normalize()
            pipeline.load()

    # ---- rows ----

    def load(self, task: str, bulk: Bulk) -> bool:
        """Load; the checkpoint is in the package of the rows."""
        with self._told():
            pipeline = self._pipeline(task)
            pipeline.sync_destination()
            pipeline.extract(source_of([self._resource(bulk)]), refresh="drop_resources" if bulk.is_new else None)
            if not bulk.check():
                return False
            pipeline.normalize()
            pipeline.load()
        return True

    def count(self, ref: TableRef) -> int:
        """Return the number of rows of a table."""
        with self._told(), self._pipeline("count").sql_client() as client:
            name = client.make_qualified_table_name(ref.name)
            return int(client.execute_sql(f"SELECT COUNT(*) FROM {name}")[0][0])

    def tables(self) -> list[TableInfo]:
        """Return the tables of the data set."""
        with self._told(), self._pipeline("look").sql_client() as client:
            found = client.execute_sql(
                "SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema = %s", self.dataset
            )
            return sorted(
                (TableInfo(TableRef(*row), "table") for row in found or () if not row[1].startswith("_dlt_")),
                key=lambda info: info.ref.name,
            )

    def _resource(self, bulk: Bulk) -> Any:
        import dlt
        import pyarrow as pa

        names = [column.name for column in bulk.columns]
        empty = pa.schema([(column.name, arrow_type(column)) for column in bulk.columns]).empty_table()
        hints: dict[str, Any] = {column.name: {"data_type": "json"} for column in bulk.columns if column.is_json}
        hints |= {
            column.name: {"data_type": "timestamp", "timezone": column.has_zone} for column in bulk.columns if column.type == Type.TIMESTAMP
        }
        for name in bulk.key:
            hints.setdefault(name, {})["nullable"] = False

        def rows() -> Iterator[Any]:
            yield empty  # the table is made although there be no row
            try:
                for batch in Driven(bulk.batches, bulk.columns, self._encoder, lambda column: False):
                    if batch:
                        yield arrow(bulk.columns, batch).rename_columns(names)
                dlt.current.source_state()[STATE] = bulk.text()
            except Exception as error:
                self._broken = error  # dlt wraps it
                raise

        return dlt.resource(
            rows,
            name=bulk.ref.name,
            write_disposition="replace" if bulk.is_whole else "merge",
            primary_key=list(bulk.key) or None,
            columns=hints,
        )

    def _encoder(self, column: Column) -> Callable[[Any], Any] | None:
        return finite if column.type == Type.DECIMAL else self.dialect.encode(column)

    def _pipeline(self, task: str) -> Any:
        import dlt

        logging.getLogger("dlt").setLevel(logging.ERROR)
        for name, value in SETTINGS.items():
            dlt.config[name] = value
        return dlt.pipeline(
            pipeline_name=f"apiserver_{task}",
            pipelines_dir=self._folder.name,
            destination=self._destination(),
            dataset_name=self.dataset,
        )

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Let dlt's errors be the contract's: what it says itself stays behind as the cause."""
        from dlt.common.exceptions import DltException

        try:
            yield
        except DltException as error:
            if self._broken is not None:
                raise self._broken from error
            raise self._meant(error) from error

    def _meant(self, error: BaseException) -> ConnectorError:
        """Return what an error means: by the innermost one, which is the driver's or ours."""
        chain = [error]
        while (inner := getattr(chain[-1], "exception", None) or chain[-1].__cause__ or chain[-1].__context__) and inner not in chain:
            chain.append(inner)
        own = next((item for item in chain if isinstance(item, ConnectorError)), None)
        if own is not None:
            return own
        inner = next((item for item in chain if type(item).__name__ in DRIVERS), None)
        if isinstance(inner, Exception):
            return self._translate(inner)
        return SourceRejected(f"dlt could not load: {type(chain[-1]).__name__}.", hint="Test the connection; the server log has the cause.")


DRIVERS = frozenset({"OperationalError", "InterfaceError", "ProgrammingError", "DatabaseError", "ConnectionError", "TimeoutError"})


def source_of(resources: Sequence[Any]) -> Any:
    """Return resources as one source of dlt, which names the state and the schema."""
    import dlt

    @dlt.source(name=SOURCE, max_table_nesting=0)
    def whole() -> Any:
        return list(resources)

    return whole()


def refuse_missing(label: str, extra: str) -> None:
    """Raise what to install where dlt is missing."""
    line = missing_loader(extra)
    if line:
        raise NotSupported(f"{label} is loaded through dlt, which is not installed.", hint=f"Run: {line}")
