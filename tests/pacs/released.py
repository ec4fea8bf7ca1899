"""A small finished release whose files are those that a test gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from deidflow.header.load_profile import load_profile
from deidflow.identity.secret import Keys, load_secret, release_id
from deidflow.release.dataset import write_dataset
from deidflow.release.layout import Layout, slice_names
from deidflow.release.tables import write_checksums, write_subjects
from deidflow.store.files import Manifest, write_bytes_atomic, write_json_atomic
from tests.pacs.archive import study


def release_of(layout: Layout, subjects: Mapping[str, Sequence[bytes]]) -> None:
    """A release with one session a subject and one series a session."""
    layout.release.mkdir(exist_ok=True)
    keys = Keys(load_secret(layout.vault, create=True), layout.project, layout.level)
    manifests = {}
    for subject, files in subjects.items():
        folder = layout.published(subject, "M00")
        for name, content in zip(slice_names(len(files)), files, strict=True):
            write_bytes_atomic(folder / "001-MR" / "dicom" / name, content, 0o644)
        write_json_atomic(folder / "session.json", {"session": "M00", "series": []}, 0o644)
        manifests[subject, "M00"] = Manifest.scan(folder)
    write_dataset(layout, load_profile(layout.level), release_id(keys), {}, False)
    write_subjects(layout)
    write_bytes_atomic(layout.release / "changes.tsv", b"subject\n", 0o644)
    write_checksums(layout, manifests)


def two_subjects(layout: Layout, count: int = 3) -> list[bytes]:
    """A release of two subjects; their files."""
    subjects = {f"P00{number}": study(number, count) for number in (1, 2)}
    release_of(layout, subjects)
    return [content for files in subjects.values() for content in files]


def slices(release: Path, subject: str) -> list[Path]:
    return sorted((release / subject / "M00" / "001-MR" / "dicom").iterdir())
