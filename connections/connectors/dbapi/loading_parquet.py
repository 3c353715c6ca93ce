"""Loading rows into Parquet files: merged in a hidden DuckDB database, written from there as one file a table.

A file is written whole under another name and takes its place by a rename: readers see the rows before or those after, and so do runs
that were killed. Which state of the table a file holds stands in the file itself.
"""

from __future__ import annotations

import errno
import hashlib
import os
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, ClassVar
from urllib.parse import quote

from connections.connectors.dbapi.loading_duckdb import DuckdbLoading
from connections.connectors.sql.meanings import DISK_FULL, EMPTY, UNIQUE, Broken, made
from connections.contract.errors import ConstraintViolated, NotSupported, SourceRejected
from connections.contract.loading import Filled, Merged, Rows, Versions
from connections.contract.table import Column, TableRef

HIDDEN = ".apiserver"
OWN = "_apiserver"
SHADOW = "_apiserver_new"
TABLES = "main._apiserver_tables"
MAKE_TABLES = f"""
CREATE TABLE {TABLES} (schema_name VARCHAR NOT NULL, table_name VARCHAR NOT NULL, key VARCHAR[] NOT NULL, version VARCHAR NOT NULL)"""
USUAL = "main"
MARK = b"apiserver.version"  # of a file: the state of the table that it holds
SAFE = " !#$&'()+,-;=@[]^_`{}~"  # characters of names that file systems take, beside letters, digits and what is not ASCII
LONGEST_FILE = 240  # bytes of a file's name
ROWS, BYTES = 100_000, 16 * 2**20  # of a row group, at most
VECTOR = 2048  # rows that DuckDB gives at once
WRITING = threading.Lock()  # one file at a time is written by a process


class ParquetLoading(DuckdbLoading):
    """One writer at a folder of Parquet files. Keys are looked after here: an index of DuckDB has to fit into memory."""

    longest_name: ClassVar[int] = 200

    def __init__(self, folder: Callable[[], Path], *args: Any) -> None:
        self._folder = folder
        super().__init__(*args)

    # ---- what is known of a table: its key, and a mark of the state that it is in ----

    def _known(self, ref: TableRef) -> tuple[Sequence[str], str] | None:
        found = self.rows(f"SELECT key, version FROM {TABLES} WHERE (schema_name, table_name) = (?, ?)", names_of(ref))
        return found[0] if found else None

    def _keep(self, ref: TableRef, key: Sequence[str]) -> None:
        """Note a table's key."""
        self._forget(ref)
        self.execute(f"INSERT INTO {TABLES} VALUES (?, ?, ?, ?)", (*names_of(ref), list(key), uuid.uuid4().hex))

    def _forget(self, ref: TableRef) -> None:
        self.execute(f"DELETE FROM {TABLES} WHERE (schema_name, table_name) = (?, ?)", names_of(ref))

    def _touch(self, ref: TableRef) -> None:
        """Note that the table changes, so that its file is written anew."""
        self.execute(f"UPDATE {TABLES} SET version = ? WHERE (schema_name, table_name) = (?, ?)", (uuid.uuid4().hex, *names_of(ref)))

    # ---- tables ----

    def create(self, ref: TableRef, columns: Sequence[Column], key: Sequence[str]) -> None:
        """Make a table; the key is kept beside it."""
        super().create(ref, columns, ())
        self._keep(ref, key)

    def add_key(self, ref: TableRef, key: Sequence[str]) -> None:
        """Give a table its key, where its rows have one."""
        twice, nulls = self.key_problems(ref, key)
        if twice or nulls:
            raise broken(EMPTY if nulls else UNIQUE)
        self._keep(ref, key)

    def add(self, ref: TableRef, columns: Sequence[Column]) -> None:
        """Add columns."""
        self._touch(ref)
        super().add(ref, columns)

    def widen(self, ref: TableRef, column: Column) -> None:
        """Change the type of the column of that name, also of one that is in the key."""
        self._touch(ref)
        self.execute(f"ALTER TABLE {self.name(ref)} ALTER COLUMN {self.quote(column.name)} SET DATA TYPE {self.type_of(column)}")

    def drop(self, ref: TableRef) -> None:
        """Drop the table if it is there."""
        self._forget(ref)
        super().drop(ref)

    def swap(self, shadow: TableRef, target: TableRef) -> None:
        """Put the table `shadow` in the place of `target`."""
        known = self._known(shadow)
        self._forget(shadow)
        super().swap(shadow, target)
        self._keep(target, known[0] if known else ())

    # ---- rows ----

    def empty(self, ref: TableRef) -> None:
        """Delete all rows."""
        self._touch(ref)
        super().empty(ref)

    def refill(self, shadow: TableRef, target: TableRef) -> None:
        """Put other rows into the table."""
        self._touch(target)
        super().refill(shadow, target)

    def fill(self, ref: TableRef, columns: Sequence[Column], batches: Iterable[Rows]) -> Filled:
        """Put rows into a table; raise ConstraintViolated where that has a key and they break it."""
        known = None if ref.schema == "temp" else self._known(ref)
        if known is None or not known[0]:
            if known is not None:
                self._touch(ref)
            return super().fill(ref, columns, batches)
        self._touch(ref)
        stage = self.stage(ref, columns)
        filled = super().fill(stage, columns, batches)
        self._check_key(stage, ref, known[0])
        names = self.names(column.name for column in columns)
        self.execute(f"INSERT INTO {self.name(ref)} ({names}) SELECT {names} FROM {self.name(stage)}")
        return filled

    def _check_key(self, stage: TableRef, ref: TableRef, key: Sequence[str]) -> None:
        """Raise where rows of a stage have the key of one another, of a row of the table, or none."""
        twice, nulls = self.key_problems(stage, key)
        is_there = self.rows(f"SELECT 1 FROM {self.name(ref)} t WHERE {self.is_in(stage, 't', key)} LIMIT 1")
        if twice or nulls or is_there:
            raise broken(EMPTY if nulls else UNIQUE)

    def merge(self, stage: TableRef, target: TableRef, columns: Sequence[Column], key: Sequence[str]) -> Merged:
        """Update what differs, insert what is new."""
        merged = super().merge(stage, target, columns, key)
        if merged.inserted or merged.updated:
            self._touch(target)
        return merged

    def keep(self, stage: TableRef, target: TableRef, key: Sequence[str], *, mark: str = "") -> int:
        """Delete or mark the rows whose key `stage` lacks."""
        return self._touched(target, super().keep(stage, target, key, mark=mark))

    def revive(self, stage: TableRef, target: TableRef, key: Sequence[str], *, mark: str) -> int:
        """Unmark the rows whose key `stage` has."""
        return self._touched(target, super().revive(stage, target, key, mark=mark))

    def add_versions(self, stage: TableRef, target: TableRef, columns: Sequence[Column], key: Sequence[str], versions: Versions) -> Merged:
        """End the versions that differ, insert those that have no present one."""
        merged = super().add_versions(stage, target, columns, key, versions)
        self._touched(target, merged.inserted + merged.updated)
        return merged

    def end_versions(self, stage: TableRef, target: TableRef, key: Sequence[str], versions: Versions) -> int:
        """End the present versions of rows that are gone."""
        return self._touched(target, super().end_versions(stage, target, key, versions))

    def remove(self, ref: TableRef, column: str, value: str) -> int:
        """Delete rows by a value."""
        return self._touched(ref, super().remove(ref, column, value))

    def _touched(self, ref: TableRef, count: int) -> int:
        if count:
            self._touch(ref)
        return count

    def planned(
        self, ref: TableRef, columns: Sequence[Column], key: Sequence[str], *, added: Sequence[str], widened: Sequence[str]
    ) -> list[str]:
        """Return the statements that would make or change the table, without those of our own table."""
        return [sql for sql in super().planned(ref, columns, key, added=added, widened=widened) if TABLES not in sql]

    # ---- files ----

    def finish(self, ref: TableRef | None = None) -> None:
        """Write the files of tables that are in another state than their files say: of one, or of all after statements of others."""
        if ref is None:
            self._look_at_all()
        refs = [ref] if ref else [TableRef(*row) for row in self.rows(f"SELECT schema_name, table_name FROM {TABLES}")]
        for one in refs:
            if not one.name.startswith(OWN) and not one.name.endswith(SHADOW):
                with WRITING:
                    self._write(one)

    def _look_at_all(self) -> None:
        """Take every table for a changed one; forget those that are gone, with their files."""
        there = {
            TableRef(*row)
            for row in self.rows("SELECT schema_name, table_name FROM duckdb_tables() WHERE NOT internal AND NOT temporary")
            if not row[1].startswith(OWN)
        }
        known = {TableRef(*row) for row in self.rows(f"SELECT schema_name, table_name FROM {TABLES}")}
        for ref in there & known:
            self._touch(ref)
        for ref in there - known:
            self._keep(ref, ())
        for ref in known - there:
            path = path_of(self._folder(), ref)
            if version_of(path, ref):
                path.unlink()
            self._forget(ref)

    def _write(self, ref: TableRef) -> None:
        """Write the file of a table where it holds another state; what is written is one state, whoever loads meanwhile."""
        path = path_of(self._folder(), ref)
        self.begin()
        try:
            known = self._known(ref)
            if known is not None and version_of(path, ref) != known[1]:
                self._replace(path, ref, known[1])
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise made(DISK_FULL) from error
            raise SourceRejected(f"The file {path.name} can't be written.", hint="Give the server's own user the right to.") from error
        finally:
            self.rollback()  # nothing was changed

    def _replace(self, path: Path, ref: TableRef, version: str) -> None:
        """Write the rows beside the file, then let them take its place."""
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = self._folder() / HIDDEN / f"{hashlib.blake2b(str(ref).encode(), digest_size=8).hexdigest()}.part"
        with beside.open("wb") as file:
            self._stream(file, ref, version)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        sync(path.parent)

    def _stream(self, file: IO[bytes], ref: TableRef, version: str) -> None:
        """Write the rows of a table as they come, in groups of some size."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        driver = self._cursor.take()
        try:
            reader = driver.sql(f"SELECT * FROM {self.name(ref)}").to_arrow_reader(VECTOR)
            fields = [field.with_type(pa.bool_()) if isinstance(field.type, pa.Bool8Type) else field for field in reader.schema]
            schema = pa.schema(fields, metadata={MARK: f"{names_of(ref)[0]}/{version}".encode()})
            with pq.ParquetWriter(file, schema, compression="zstd") as writer:
                for batches in groups(reader):
                    columns = pa.Table.from_batches(batches).columns
                    writer.write_table(pa.table([plain(column) for column in columns], schema=schema))
        except pa.ArrowException as error:
            raise self._translate(error) from error


def groups(batches: Iterable[Any]) -> Iterator[list[Any]]:
    """Give batches together that are one row group."""
    held: list[Any] = []
    rows = size = 0
    for batch in batches:
        held.append(batch)
        rows, size = rows + batch.num_rows, size + batch.nbytes
        if rows >= ROWS or size >= BYTES:
            yield held
            held, rows, size = [], 0, 0
    if held:
        yield held


def plain(column: Any) -> Any:
    """Return a column of Arrow whose booleans, which DuckDB gives as bytes of an extension, are booleans."""
    import pyarrow as pa

    if not isinstance(column.type, pa.Bool8Type):
        return column
    return pa.chunked_array([chunk.storage.cast(pa.bool_()) for chunk in column.chunks], type=pa.bool_())


def names_of(ref: TableRef) -> tuple[str, str]:
    """Return schema and name as the catalog has them."""
    return ref.schema or USUAL, ref.name


def path_of(folder: Path, ref: TableRef) -> Path:
    """Return the file of a table; schemas are folders. What a name may not hold is written as in addresses (%2F)."""
    schema, name = names_of(ref)
    parts = ([] if schema == USUAL else [fitting(schema)]) + [fitting(f"{name}.parquet")]
    return folder.joinpath(*parts)


def fitting(name: str) -> str:
    """Return a name as one of a file; different names stay different."""
    found = "".join(sign if sign.isalnum() or sign in SAFE or ord(sign) > 127 else quote(sign, safe="") for sign in name)
    found = f"%2E{found[1:]}" if name.startswith(".") else found
    if len(found.encode()) > LONGEST_FILE:
        raise NotSupported(f"{name[:60]}... is too long for the name of a file.", hint="Give the task another table.")
    return found


def version_of(path: Path, ref: TableRef) -> str:
    """Return the state of the table that a file holds, '' where there is no file; raise for one that is not this connection's."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        found = pq.read_metadata(path).metadata or {}
    except FileNotFoundError:
        return ""
    except (pa.ArrowException, OSError):
        found = {}
    schema, _, version = bytes(found.get(MARK, b"")).decode().rpartition("/")
    if schema != names_of(ref)[0]:
        message = f"There is a file {path.name} already that no job of this connection wrote."
        raise SourceRejected(message, hint="Move it away, or give the task another table.")
    return version


def sync(folder: Path) -> None:
    """Let a rename outlive a loss of power."""
    if os.name == "posix":
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def broken(what: Broken) -> ConstraintViolated:
    """Return that rows break a key."""
    return ConstraintViolated(what[1], kind=what[0])
