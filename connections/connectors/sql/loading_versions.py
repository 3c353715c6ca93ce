"""Tables that are compared with a stage: rows marked as deleted, keys that are missing, all versions of a row kept."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from connections.contract.loading import Merged, Versions
from connections.contract.table import Column, Table, TableRef


class Versioned(ABC):
    """What SqlLoading does of them, in SQL that PostgreSQL, MySQL and SQLite share."""

    now: ClassVar[str]

    @abstractmethod
    def quote(self, name: str) -> str:
        """Return a name as it stands in a statement."""

    @abstractmethod
    def name(self, ref: TableRef) -> str:
        """Return a table's name as it stands in a statement."""

    @abstractmethod
    def execute(self, sql: str, binds: Sequence[Any] = ()) -> int:
        """Run one statement; return the number of rows that it changed."""

    @abstractmethod
    def rows(self, sql: str, binds: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement; return its rows."""

    @abstractmethod
    def describe(self, ref: TableRef) -> Table | None:
        """Return the table as it is now."""

    @abstractmethod
    def differs(self, one: str, other: str, column: Column) -> str:
        """Return SQL that is true where two values are not the same."""

    @abstractmethod
    def count(self, ref: TableRef, *, where: str = "", is_null: str = "", most: int = 0) -> int:
        """Return the number of rows."""

    def revive(self, stage: TableRef, target: TableRef, key: Sequence[str], *, mark: str) -> int:
        """Unmark the rows whose key `stage` has."""
        whole, column = self.name(target), self.quote(mark)
        return self.execute(f"UPDATE {whole} SET {column} = NULL WHERE {column} IS NOT NULL AND {self.is_in(stage, whole, key)}")

    def take_out(self, stage: TableRef, target: TableRef, key: Sequence[str], *, mark: str = "", versions: Versions | None = None) -> int:
        """Delete, mark or end the rows whose key `stage` has."""
        whole = self.name(target)
        gone = self.is_in(stage, whole, key)
        if versions is not None:
            end, active = self.quote(versions.end), self.quote(versions.active)
            return self.execute(f"UPDATE {whole} SET {end} = {self.now}, {active} = FALSE WHERE {active} AND {gone}")
        if mark:
            return self.execute(f"UPDATE {whole} SET {self.quote(mark)} = {self.now} WHERE {self.quote(mark)} IS NULL AND {gone}")
        return self.execute(f"DELETE FROM {whole} WHERE {gone}")

    def is_in(self, stage: TableRef, whole: str, key: Sequence[str]) -> str:
        """Return SQL that is true of rows of a table whose key `stage` has."""
        return f"EXISTS (SELECT 1 FROM {self.name(stage)} s WHERE {self.same(key, whole)})"

    def same(self, key: Sequence[str], other: str) -> str:
        """Return SQL that is true where the row `s` has the key of another."""
        return " AND ".join(f"s.{self.quote(name)} = {other}.{self.quote(name)}" for name in key)

    def missing(
        self, stage: TableRef, target: TableRef, key: Sequence[str], *, check: str, active: str, most: int
    ) -> list[tuple[Any, ...]]:
        """Return keys that the target lacks, or has with another value of the check column."""
        listed = ", ".join(f"s.{self.quote(name)}" for name in key)
        present = f" AND t.{self.quote(active)}" if active else ""
        found = self.describe(target)
        differs = ""
        if check and found is not None:
            column = self.quote(check)
            differs = f" OR {self.differs(f's.{column}', f't.{column}', found.by_name[check])}"
        return self.rows(
            f"SELECT {listed} FROM {self.name(stage)} s LEFT JOIN {self.name(target)} t ON {self.same(key, 't')}{present} "
            f"WHERE t.{self.quote(key[0])} IS NULL{differs} LIMIT {int(most)}"
        )

    def add_versions(self, stage: TableRef, target: TableRef, columns: Sequence[Column], key: Sequence[str], versions: Versions) -> Merged:
        """End the versions that differ, insert those that have no present one."""
        whole, part = self.name(target), self.name(stage)
        start, end, active = (self.quote(name) for name in (versions.start, versions.end, versions.active))
        moment = f"COALESCE(s.{self.quote(versions.moment)}, {self.now})" if versions.moment else self.now
        other = [column for column in columns if column.name not in key]
        changed = " OR ".join(self.differs(f"t.{self.quote(item.name)}", f"s.{self.quote(item.name)}", item) for item in other)
        ended = 0
        if other:
            until = f"CASE WHEN {moment} > t.{start} THEN {moment} ELSE {self.now} END"
            ended = self.ended(whole, part, {end: until, active: "FALSE"}, f"{self.same(key, 't')} AND t.{active} AND ({changed})")
        names = ", ".join(self.quote(column.name) for column in columns)
        listed = ", ".join(f"s.{self.quote(column.name)}" for column in columns)
        is_early = f"EXISTS (SELECT 1 FROM {whole} o WHERE {self.same(key, 'o')} AND o.{start} >= {moment})"
        inserted = self.execute(
            f"INSERT INTO {whole} ({names}, {start}, {end}, {active}) "
            f"SELECT {listed}, CASE WHEN {is_early} THEN {self.now} ELSE {moment} END, NULL, TRUE FROM {part} s "
            f"WHERE NOT EXISTS (SELECT 1 FROM {whole} t WHERE {self.same(key, 't')} AND t.{active})"
        )
        return Merged(inserted - ended, ended, self.count(stage) - inserted)

    def ended(self, whole: str, part: str, sets: dict[str, str], condition: str) -> int:
        """Update rows `t` of a table by rows `s` of another; return how many."""
        listed = ", ".join(f"{name} = {value}" for name, value in sets.items())
        return self.execute(f"UPDATE {whole} AS t SET {listed} FROM {part} AS s WHERE {condition}")

    def end_versions(self, stage: TableRef, target: TableRef, key: Sequence[str], versions: Versions) -> int:
        """End the present versions of rows that are gone."""
        whole, end, active = self.name(target), self.quote(versions.end), self.quote(versions.active)
        sets = f"{end} = {self.now}, {active} = FALSE"
        return self.execute(f"UPDATE {whole} SET {sets} WHERE {active} AND NOT {self.is_in(stage, whole, key)}")
