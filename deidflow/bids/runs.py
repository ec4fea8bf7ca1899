"""`run-` where several series of a session have one name; echoes and parts of a series share it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from deidflow.bids.named import Named

_ACROSS_ECHOES = ("echo", "part", "run")


def with_runs(named: Sequence[Named]) -> list[Named]:
    """Names numbered in the order of series, as far as a session needs it."""
    groups: defaultdict[tuple[object, ...], list[Named]] = defaultdict(list)
    for entry in named:
        groups[_kind(entry)].append(entry)

    numbered: list[Named] = []
    for entries in groups.values():
        batches = _batches(entries)
        if len(batches) == 1:
            numbered += entries
            continue
        for number, batch in enumerate(batches, 1):
            for entry in batch:
                name = entry.name.having(run=str(number))
                numbered.append(replace(entry, name=name))
    return numbered


def _kind(entry: Named) -> tuple[object, ...]:
    """What images that need a run to be told apart have in common."""
    name = entry.name
    entities = []
    for key, label in sorted(name.entities.items()):
        if key not in _ACROSS_ECHOES:
            entities.append((key, label))
    return entry.visit, name.datatype, name.suffix, *entities


def _batches(entries: Sequence[Named]) -> list[list[Named]]:
    """Images that share a run: of one series with different echoes or parts."""
    batches: list[list[Named]] = []
    for entry in sorted(entries, key=lambda entry: entry.order):
        last = batches[-1] if batches else []
        if _share_a_run(entry, last):
            last.append(entry)
        else:
            batches.append([entry])
    return batches


def _share_a_run(entry: Named, others: Sequence[Named]) -> bool:
    if not others:
        return False
    if others[-1].image.series != entry.image.series:
        return False
    return all(entry.name != other.name for other in others)
