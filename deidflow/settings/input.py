"""The section `input`: what of a source is asked for; the rest is excluded and counted."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from deidflow.dicom.manifest import Manifest, ManifestEntry
from deidflow.errors import UsageError
from deidflow.settings.given import LIST_MARK, given_entries
from deidflow.settings.manifest import checked_entries, entries_below
from deidflow.settings.paths import resolved
from deidflow.settings.sections import Section

_NOT = "!"
_SHOWN = 10
"""How many paths that are not there are numbered in the message."""


class InputSettings(Section):
    """Which files of a source are read, and which series of them go on."""

    modalities: tuple[str, ...] = ()
    """Modalities (MR, CT, PT); none named: every one."""
    body_parts: tuple[str, ...] = ()
    """Patterns of BodyPartExamined; an empty one for series that do not say."""
    series: tuple[str, ...] = ()
    """Patterns of SeriesDescription or ProtocolName; `!` before one leaves series out."""
    paths: tuple[str, ...] = ()
    """Files and folders below the source; none named: all of it. A list or manifest sets them."""
    entries: tuple[ManifestEntry, ...] = ()
    """What a manifest says of them."""

    @property
    def manifest(self) -> Manifest:
        """What is said of each file below the source."""
        return Manifest.of(self.entries)

    @property
    def selects_series(self) -> bool:
        """Whether anything read can be left out."""
        return bool(self.modalities or self.body_parts or self.series)

    def takes(self, modality: str, body_part: str, names: Sequence[str]) -> bool:
        """Whether a series is asked for; `names` are its description and protocol."""
        if self.modalities and not _fits(self.modalities, [modality]):
            return False
        if self.body_parts and not _fits(self.body_parts, [body_part]):
            return False

        refused = [pattern[1:] for pattern in self.series if pattern.startswith(_NOT)]
        wanted = [pattern for pattern in self.series if not pattern.startswith(_NOT)]
        if _fits(refused, names):
            return False
        return not wanted or _fits(wanted, names)


def _fits(patterns: Iterable[str], values: Iterable[str]) -> bool:
    """Whether a value fits a pattern of the shell, whatever the case; empty fits only empty."""
    folded = [value.strip().casefold() for value in values]
    return any(fnmatchcase(value, pattern.casefold()) for pattern in patterns for value in folded)


def with_source(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a configuration whose source may be a file, a list (`@FILE`) or a manifest.

    Then the source is the folder that holds all that is named, and `input.paths` names it. Raises
    UsageError for a list or manifest that cannot be read or names what is not there.
    """
    given = values.get("source")
    if not isinstance(given, (str, Path)):
        return dict(values)
    entries = given_entries(given)
    first = Path(entries[0].path) if entries else Path()
    if len(entries) == 1 and not first.is_file() and not _is_list(given):
        return {**values, "source": resolved(first)}

    if not entries:
        raise UsageError("the list of the source names no file and no folder")
    _refuse_missing([Path(entry.path) for entry in entries])
    entries = checked_entries(entries)
    places = sorted(Path(entry.path) for entry in entries)
    root = Path(os.path.commonpath([path if path.is_dir() else path.parent for path in places]))
    section = values.get("input")
    return {
        **values,
        "source": root,
        "input": {
            **(section if isinstance(section, Mapping) else {}),
            "paths": tuple(str(path.relative_to(root)) for path in places),
            "entries": entries_below(entries, root),
        },
    }


def _refuse_missing(places: Sequence[Path]) -> None:
    """Raise UsageError with the numbers, not the names, of paths that are not there."""
    missing = [
        str(number) for number, path in enumerate(places, 1) if not path.expanduser().exists()
    ]
    if missing:
        shown = ", ".join(missing[:_SHOWN]) + (" .." if len(missing) > _SHOWN else "")
        raise UsageError(
            f"{len(missing)} of {len(places)} paths that the source names are not there, "
            f"counted from the first: {shown}"
        )


def source_and_paths(given: str | Path) -> tuple[Path, tuple[str, ...]]:
    """The folder of a source in any form, and what is named below it; raises UsageError."""
    values = with_source({"source": given})
    section = values.get("input", {})
    return Path(values["source"]), tuple(section.get("paths", ()))


def _is_list(given: str | Path) -> bool:
    return str(given).startswith(LIST_MARK) or Path(given).is_file()
