"""Media directories: which files a DICOMDIR lists (PS3.3 annex F, PS3.10 section 8)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

DICOMDIR_CLASS = b"1.2.840.10008.1.3.10"


def is_dicomdir(sop_class: bytes) -> bool:
    """Whether a raw Media Storage SOP Class UID is that of a DICOMDIR."""
    return sop_class.rstrip(b"\0 ") == DICOMDIR_CLASS


def absent_files(source: Path, path: str) -> tuple[str, ...]:
    """Paths that a DICOMDIR lists (PS3.3 F.3.2.2) and that do not exist beside it.

    `path` and the result are relative to `source`. A DICOMDIR that cannot be read lists nothing.
    """
    try:
        listed = set(_listed_files(source / path))
    except Exception:  # noqa: BLE001 - a library may raise anything on a bad file
        return ()
    folder = Path(path).parent
    absent: set[str] = set()
    for parts in listed:
        file = folder.joinpath(*parts)
        if not (source / file).exists():
            absent.add(str(file))
    return tuple(sorted(absent))


def _listed_files(path: Path) -> Iterator[tuple[str, ...]]:
    """The parts of each listed path."""
    import pydicom

    for record in pydicom.dcmread(path).get("DirectoryRecordSequence") or ():
        parts = record.get("ReferencedFileID")
        if parts:
            yield (parts,) if isinstance(parts, str) else tuple(parts)
