"""Whether every output has a place of its own, keeps it, and exists in the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from pathlib import Path

from deidflow.bulk.targets import SeriesTargets, Target
from deidflow.bulk.units import KeptOutput, kept_outputs, unit_of
from deidflow.errors import UsageError
from deidflow.settings.layout_template import MIRROR


def check_apart(series_targets: Sequence[SeriesTargets], layout: str) -> None:
    """Refuse a layout that gives two series the same folder, or two files the same path.

    Raises UsageError.
    """
    what = "files" if layout == MIRROR else "series"
    places: list[str] = []
    for series in series_targets:
        if layout == MIRROR:
            places += [target.output_path for target in series.targets]
        else:
            places.append(series.targets[0].folder)

    shared = len(places) - len(set(places))
    if shared:
        raise UsageError(
            f"the layout gives {shared} {what} the place of another; "
            "use {subject}/{timepoint}/{series}, which tells all series apart"
        )


def check_kept(
    series_targets: Sequence[SeriesTargets],
    sources: Set[str],
    record_folder: Path,
    out: Path,
    layout: str,
) -> None:
    """Refuse to resume if folders would be replaced that contain files of other sources.

    `sources` are the absolute paths of all files of the call. Raises UsageError before anything is
    written.
    """
    sop_uids: set[str] = set()
    units: dict[str, None] = {}
    for series in series_targets:
        for target in series.targets:
            sop_uids.add(target.sop_uid)
            units[unit_of(target.folder, layout)] = None

    lost = 0
    for output in kept_outputs(record_folder, units):
        if not _is_given(output, sop_uids, sources) and (out / output.path).exists():
            lost += 1
    if lost:
        raise UsageError(
            f"resuming would remove {lost} files whose sources are not among those given; "
            "give these too, or choose another output folder, or --on-exists clean"
        )


def _is_given(output: KeptOutput, sop_uids: Set[str], sources: Set[str]) -> bool:
    """Whether an output's source, or a copy of it, belongs to this call."""
    return output.sop_uid in sop_uids or output.source in sources


def missing(
    series_targets: Sequence[SeriesTargets], out: Path, held_back: Set[str]
) -> Iterator[Target]:
    """Targets that are not on disk, except those of files that are held back, by path."""
    names_by_folder: dict[str, frozenset[str]] = {}
    for series in series_targets:
        for target in series.targets:
            folder = target.folder
            names = names_by_folder.get(folder)
            if names is None:
                names = _names_in(out / folder)
                names_by_folder[folder] = names

            is_there = target.name in names
            if not is_there and target.path not in held_back:
                yield target


def _names_in(folder: Path) -> frozenset[str]:
    try:
        return frozenset(path.name for path in folder.iterdir())
    except OSError:
        return frozenset()
