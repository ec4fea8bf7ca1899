"""What stays as it was: DICOM series, and images that BIDS has no name for."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from deidflow.bids.files import subject_label, tsv, write_text
from deidflow.bids.plan import Unnamed

UNNAMED = "unnamed.tsv"


def _source_folder(out: Path, subject: str, session: str, series: Path) -> Path:
    return out / "sourcedata" / f"sub-{subject_label(subject)}" / f"ses-{session}" / series.name


def write_unnamed(out: Path, unnamed: Sequence[Unnamed], release: Path) -> None:
    rows = [["image", "why", "line_to_add"]]
    for entry in unnamed:
        image = entry.image
        folder = _source_folder(out, image.subject, image.session, image.series)
        folder.mkdir(parents=True, exist_ok=True)
        for path in (image.image, image.mask, *map(image.beside, (".json", ".bval", ".bvec"))):
            if path is not None and path.exists():
                shutil.copyfile(path, folder / path.name)
        rows.append([str(image.image.relative_to(release)), entry.why, entry.line])
    (out / "sourcedata").mkdir(exist_ok=True)
    write_text(out / "sourcedata" / UNNAMED, tsv(rows))


def copy_dicom(out: Path, folders: Sequence[tuple[str, str, Path]]) -> None:
    for subject, session, series in folders:
        for name in ("dicom", "defaced_dicom"):
            if (series / name).is_dir():
                target = _source_folder(out, subject, session, series) / name
                shutil.copytree(series / name, target, copy_function=shutil.copyfile)
