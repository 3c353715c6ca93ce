"""The destination's table against what is read: columns are added and widened, never dropped or narrowed; or the task says why not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from apiserver.jobs.moving_order import FREEZE, JobError
from apiserver.jobs.moving_state import signature
from apiserver.jobs.moving_types import holds, wider
from connections.contract.table import Column, Table


@dataclass(frozen=True, slots=True)
class Evolved:
    """The columns that the table is to have. `names`: for each column that is read, what it is called there."""

    columns: tuple[Column, ...]
    names: tuple[str, ...]
    added: tuple[str, ...] = ()
    widened: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()  # that the source has not (any more)
    lacking: tuple[str, ...] = ()  # columns of ours that the table has not yet


def evolved(found: Table | None, wanted: Sequence[Column], known: Mapping[str, str], own: Sequence[Column], *, schema: str) -> Evolved:
    """Return the table's columns for these; raise JobError for what can't be, or may not.

    `wanted`: as the destination keeps them, `known`: the types that were read last by name: what is the same needs no change. `own`:
    columns of ours behind them.
    """
    if found is None:
        return Evolved((*wanted, *own), tuple(column.name for column in wanted))
    names = [same_name(column.name, found, wanted) for column in wanted]
    columns = list(found.columns)
    places = {column.name: place for place, column in enumerate(columns)}
    widened = []
    for column, name in zip(wanted, names, strict=True):
        if name is None or known.get(name) == signature(column):
            continue
        old = columns[places[name]]
        new = widest(old, column, is_key=name in found.primary_key)
        if new is not old:
            columns[places[name]] = new
            widened.append(name)
    added = [column.name for column, name in zip(wanted, names, strict=True) if name is None]
    columns += [column for column, name in zip(wanted, names, strict=True) if name is None]
    shown = tuple(column.name if name is None else name for column, name in zip(wanted, names, strict=True))
    if schema == FREEZE and (added or widened):
        raise frozen(added, widened)
    kept = tuple(column.name for column in found.columns if column.name not in shown)
    lacking = [column for column in own if column.name not in found.by_name]
    return Evolved((*columns, *lacking), shown, tuple(added), tuple(widened), kept, tuple(column.name for column in lacking))


def same_name(name: str, found: Table, wanted: Sequence[Column]) -> str | None:
    """Return the table's column of that name, whatever its case where only one is meant."""
    if name in found.by_name:
        return name
    alike = [column.name for column in found.columns if column.name.lower() == name.lower()]
    others = {column.name for column in wanted}
    return alike[0] if len(alike) == 1 and alike[0] not in others else None


def widest(old: Column, new: Column, *, is_key: bool) -> Column:
    """Return the column that holds both."""
    if is_key and holds(replace(old, max_length=None), new):
        return old  # a text in a key has a length that the destination gave it
    found = wider(old, new)
    if found is None:
        raise JobError(
            f"The column {old.name} is {old.type} at the destination and {new.type} at the source.",
            hint="No type holds both: give the column another name or type in the task, or drop it at the destination.",
        )
    return found


def frozen(added: Sequence[str], widened: Sequence[str]) -> JobError:
    """Return what is said where the source changed and the task may not follow."""
    parts = [f"new: {', '.join(added)}"] if added else []
    parts += [f"of another type: {', '.join(widened)}"] if widened else []
    return JobError(
        f"The source's columns have changed ({'; '.join(parts)}), and this task keeps the destination's table as it is.",
        hint="Let the task evolve its table (AlterSchema), or choose the columns in its query.",
    )
