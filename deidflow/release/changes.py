"""Versions of published sessions: what recipients of an earlier copy of the release have to fetch again."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from deidflow.release.layout import Layout
from deidflow.store.files import (
    Manifest,
    digest_of,
    read_json,
    write_bytes_atomic,
    write_json_atomic,
)

Version = dict[str, str]
"""Series -> a hash of its files, as published."""
History = dict[str, list[Version]]
"""`P001/M00` -> its versions, oldest first; an empty one is a session that was withdrawn."""
_COLUMNS = ("subject", "session", "version", "series", "change")


def note_versions(layout: Layout, manifests: Mapping[tuple[str, str], Manifest]) -> None:
    """Add a version to each published session that is not as it was, and write changes.tsv of the release."""
    known: History = read_json(layout.versions) or {}
    now = {
        f"{pseudonym}/{label}": _version(manifest)
        for (pseudonym, label), manifest in manifests.items()
    }
    history = {
        name: _with(known.get(name, []), now.get(name, {})) for name in sorted({*known, *now})
    }
    if history != known:
        write_json_atomic(layout.versions, history)
    lines = [
        "\t".join(_COLUMNS),
        *("\t".join(row) for name in history for row in _changes(name, history[name])),
    ]
    write_bytes_atomic(layout.release / "changes.tsv", ("\n".join(lines) + "\n").encode(), 0o644)


def _version(manifest: Manifest) -> Version:
    series: dict[str, list[tuple[str, str]]] = {}
    for output in manifest.outputs:
        name, _, rest = output.path.partition("/")
        if rest:
            series.setdefault(name, []).append((rest, output.sha256))
    return {name: digest_of(files) for name, files in series.items()}


def _with(versions: list[Version], now: Version) -> list[Version]:
    return versions if versions and versions[-1] == now else [*versions, now]


def _changes(name: str, versions: list[Version]) -> list[tuple[str, ...]]:
    """One row for each series that differs from the version before; the first version is no change."""
    pseudonym, label = name.split("/")
    rows: list[tuple[str, ...]] = []
    for number, (before, after) in enumerate(pairwise(versions), 2):
        for series in sorted({*before, *after}):
            if before.get(series) != after.get(series):
                change = (
                    "added"
                    if series not in before
                    else "removed"
                    if series not in after
                    else "changed"
                )
                rows.append((pseudonym, label, str(number), series, change))
    return rows
