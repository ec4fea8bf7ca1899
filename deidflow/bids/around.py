"""A BIDS data set around a release: the release is its sourcedata, a run keeps the rest up to date.

Sessions are replaced one by one, and only those whose images or names have changed.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deidflow.bids.check import invalid_paths
from deidflow.bids.description import read_participants, write_top
from deidflow.bids.export import plan_export
from deidflow.bids.files import make_public, visit_folder
from deidflow.bids.image_files import MASK_ROOTS, write_derivative_description, write_images
from deidflow.bids.images import series_folders
from deidflow.bids.named import Named, Unnamed, Visit
from deidflow.bids.sessions import write_session_tables
from deidflow.bids.sourcedata import list_unnamed
from deidflow.store.files import (
    Signature,
    digest_of,
    names_below,
    read_json,
    remove_tree,
    write_json_atomic,
)

Digests = Mapping[str, str]
"""Folder of a session below the data set -> hash of what it is made of, and of what it holds."""


@dataclass(frozen=True)
class Around:
    """What a run left in the data set."""

    images: int
    unnamed: tuple[Unnamed, ...]
    invalid: tuple[str, ...]
    """Paths that BIDS does not know; empty where bidsschematools is not installed."""


def write_around(
    root: Path,
    release: Path,
    record: Path,
    scratch: Path,
    *,
    table: Path | None = None,
    participants: Path | None = None,
) -> Around:
    """Bring the data set up to date with its release.

    `record` is kept in the vault; `scratch` is a folder on the data set's file system. Raises
    UsageError and ConfigError for tables that cannot be read.
    """
    plan = plan_export(release, table)
    known = read_participants(participants)
    visits = _by_visit(plan.named)
    before: Digests = read_json(record) or {}
    after = _with_sessions(
        root,
        visits,
        before,
        scratch,
    )
    for folder in before.keys() - after.keys():
        _remove_session(root, Path(folder))

    folders = list(series_folders(release))
    write_session_tables(root, folders)
    subjects = sorted({subject for subject, _, _ in folders})
    write_top(
        root,
        release,
        subjects,
        known,
    )
    write_derivative_description(root)
    list_unnamed(
        root,
        plan.unnamed,
        release,
    )
    write_json_atomic(record, after)
    return Around(
        len(plan.named),
        plan.unnamed,
        invalid_paths(root) or (),
    )


def _by_visit(named: Iterable[Named]) -> dict[Visit, list[Named]]:
    visits: defaultdict[Visit, list[Named]] = defaultdict(list)
    for entry in named:
        visits[entry.visit].append(entry)
    return dict(visits)


def _with_sessions(
    root: Path,
    visits: Mapping[Visit, Sequence[Named]],
    before: Digests,
    scratch: Path,
) -> dict[str, str]:
    """Write the sessions that are not there as they should be."""
    after = {}
    for visit, named in visits.items():
        folder = visit_folder(*visit)
        made_of = _made_of(named)
        place = folder.as_posix()
        if before.get(place) != _digest(
            root,
            folder,
            made_of,
        ):
            _replace_session(
                root,
                folder,
                named,
                scratch,
            )
        after[place] = _digest(
            root,
            folder,
            made_of,
        )

    return after


def _made_of(named: Sequence[Named]) -> list[object]:
    """Names, files and sidecars of the images of a session."""
    parts: list[object] = []
    for entry in named:
        files = []
        for path in entry.image.files:
            files.append(Signature.of(path))
        maps = [entry.field_map, entry.corrected_by, entry.context, entry.calibrates]
        parts.append([entry.place, files, entry.sidecar, maps])
    return parts


def _digest(root: Path, folder: Path, made_of: Sequence[object]) -> str:
    """Hash of what a session is made of, and of the files that it holds now."""
    held = []
    for place in _places_of(folder):
        held.append(names_below(root / place))
    return digest_of([made_of, held])


def _places_of(folder: Path) -> list[Path]:
    """Where a session has files below the data set: images, and masks."""
    return [folder, *(Path(masks, folder) for masks in MASK_ROOTS)]


def _replace_session(root: Path, folder: Path, named: Sequence[Named], scratch: Path) -> None:
    part = scratch / "bids"
    remove_tree(part)
    part.mkdir(parents=True)
    try:
        write_images(part, named)
        make_public(part)
        _remove_session(root, folder)
        for place in _places_of(folder):
            if (part / place).exists():
                (root / place).parent.mkdir(parents=True, exist_ok=True)
                os.rename(part / place, root / place)
    finally:
        remove_tree(part)


def _remove_session(root: Path, folder: Path) -> None:
    """Remove a session, and its subject's folder where it was the last."""
    for place in map(root.joinpath, _places_of(folder)):
        remove_tree(place)
        parent = place.parent
        if parent.is_dir() and not any(parent.iterdir()):
            parent.rmdir()
