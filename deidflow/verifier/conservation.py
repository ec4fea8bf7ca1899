"""Whether every file of the source has one verdict, and what is released is there."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath

from deidflow.verifier.findings import Check, Finding
from deidflow.verifier.vault import RELEASED, VaultView

_EXCLUDED = "excluded"


def conservation_findings(
    view: VaultView,
    source: Path,
    release: Path,
    subjects: Collection[str],
    named: Collection[str] = (),
) -> Iterator[Finding]:
    """Files without one verdict, or released and missing; those of the source by number.

    Only files that are `named`, or below what is, where anything is.
    """
    counts = _verdicts(view)
    unrecorded = counts[""]
    for number, path in enumerate(files_below(source, counts), 1):
        if not _is_named(path, named):
            continue
        count = counts[path]
        if count == 0 and unrecorded:
            # Of those without consent the vault has no paths, only how many files there are.
            unrecorded -= 1
        elif count != 1:
            words = "has no verdict" if count == 0 else "has more than one verdict"
            yield Finding(
                f"source file {number}",
                Check.CONSERVATION,
                "file",
                words,
            )

    withdrawn = withdrawn_series(release)
    for row in view.rows:
        is_asked = not subjects or row.subject in subjects
        is_withdrawn = (row.subject, row.session, row.series) in withdrawn
        if not is_asked or is_withdrawn or row.verdict != RELEASED:
            continue
        if not (release / row.released_path).is_file():
            words = "is released by the vault's table and missing"
            yield Finding(
                row.released_path,
                Check.CONSERVATION,
                "file",
                words,
            )


def _verdicts(view: VaultView) -> Counter[str]:
    """Source path -> how many verdicts it has.

    What the last run left out, and an earlier one has released, counts as released.
    """
    released = {row.source_path for row in view.rows if row.verdict == RELEASED}
    counts: Counter[str] = Counter()
    for row in view.rows:
        is_left_out = row.verdict == _EXCLUDED and row.source_path in released
        if not is_left_out:
            counts[row.source_path] += 1
    return counts


def withdrawn_series(release: Path) -> set[tuple[str, str, str]]:
    """Subject, session and series that changes.tsv says were removed and did not come back."""
    table = release / "changes.tsv"
    lines = (
        table.read_text(
            "utf-8",
            "replace",
        ).splitlines()
        if table.is_file()
        else []
    )
    removed: set[tuple[str, str, str]] = set()
    for line in lines[1:]:
        cells = line.split("\t")
        if len(cells) != 5:
            continue
        series = cells[0], cells[1], cells[3]
        removed.discard(series)
        if cells[4] == "removed":
            removed.add(series)

    return removed


def files_below(source: Path, judged: Collection[str] = ()) -> list[str]:
    """Paths of all regular files below the source, in order; folders that are `judged` count once.

    Links, pipes and devices are no files of anybody.
    """
    paths = []
    for folder, folders, names in os.walk(source):
        below = os.path.relpath(folder, source)
        prefix = "" if below == "." else f"{below}/"
        folders[:] = [name for name in folders if prefix + name not in judged]
        for name in names:
            if stat.S_ISREG(os.lstat(os.path.join(folder, name)).st_mode):
                paths.append(prefix + name)
    return sorted(paths)


def _is_named(path: str, named: Collection[str]) -> bool:
    """Whether a path is one of those named or below one; without any, each path is."""
    places = (path, *map(str, PurePosixPath(path).parents))
    return not named or any(place in named for place in places)
