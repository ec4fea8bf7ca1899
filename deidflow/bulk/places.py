"""Whether every output has a place of its own, keeps it, and is there in the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from pathlib import Path

from deidflow.bulk.output import Kept, kept_outputs, record_of
from deidflow.bulk.targets import Part, Target
from deidflow.errors import UsageError
from deidflow.settings.anonymize import MIRROR


def check_apart(parts: Sequence[Part], layout: str) -> None:
    """Refuse a layout that puts two series into one folder, or two files into one place; raises UsageError."""
    if layout == MIRROR:
        places = [(target.folder, target.name) for part in parts for target in part.targets]
    else:
        places = [(part.targets[0].folder, "") for part in parts]

    shared = len(places) - len(set(places))
    if shared:
        what = "files" if layout == MIRROR else "series"
        raise UsageError(
            f"the layout gives {shared} {what} the place of another; "
            "use {subject}/{timepoint}/{series}, which tells all series apart"
        )


def check_kept(
    parts: Sequence[Part], sources: Set[str], record: Path, out: Path, layout: str
) -> None:
    """Refuse to resume where folders would be replaced that hold files of sources not given now.

    `sources` are the absolute paths of all files found. Raises UsageError; nothing is written before.
    """
    present = {target.sop_uid for part in parts for target in part.targets}
    lost = sum(
        1 for output in _of_units(parts, record, layout) if _is_lost(output, out, present, sources)
    )
    if lost:
        raise UsageError(
            f"resuming would remove {lost} files whose sources are not among those given; "
            "give these too, or choose another output folder, or --on-exists clean"
        )


def _of_units(parts: Sequence[Part], record: Path, layout: str) -> Iterator[Kept]:
    folders = dict.fromkeys(target.folder for part in parts for target in part.targets)
    units = dict.fromkeys(
        folder.partition("/")[0] if layout == MIRROR else folder for folder in folders
    )
    for unit in units:
        yield from kept_outputs(record_of(record, unit))


def _is_lost(output: Kept, out: Path, present: Set[str], sources: Set[str]) -> bool:
    if output.sop_uid in present or output.source in sources:
        return False
    return (out / output.path).exists()


def missing(parts: Sequence[Part], out: Path, held_back: Set[str]) -> Iterator[Target]:
    """Targets that are not in the output, of files that are not held back: counted on disk, folder by folder."""
    names: dict[str, frozenset[str]] = {}
    for part in parts:
        for target in part.targets:
            if target.folder not in names:
                names[target.folder] = _names(out / target.folder)
            if target.name not in names[target.folder] and target.path not in held_back:
                yield target


def _names(folder: Path) -> frozenset[str]:
    try:
        return frozenset(path.name for path in folder.iterdir())
    except OSError:
        return frozenset()
