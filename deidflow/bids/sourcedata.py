"""What stays as it was: DICOM series, and images that BIDS has no name for."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from deidflow.bids.files import tsv, visit_folder, write_text
from deidflow.bids.named import Unnamed

UNNAMED = "unnamed.tsv"


def _source_folder(out: Path, subject: str, session: str, series: Path) -> Path:
    return out / "sourcedata" / visit_folder(subject, session) / series.name


def write_unnamed(out: Path, unnamed: Sequence[Unnamed], release: Path) -> None:
    """Copy images without a name, and list them with the line that would name each."""
    for entry in unnamed:
        image = entry.image
        folder = _source_folder(
            out,
            image.subject,
            image.session,
            image.series,
        )
        folder.mkdir(parents=True, exist_ok=True)
        for path in image.files:
            shutil.copyfile(path, folder / path.name)

    source = out / "sourcedata"
    source.mkdir(exist_ok=True)
    list_unnamed(
        source,
        unnamed,
        release,
    )


def list_unnamed(folder: Path, unnamed: Sequence[Unnamed], release: Path) -> None:
    """Write the table of images without a name, with the line that would name each."""
    rows = [["image", "why", "line_to_add"]]
    for entry in unnamed:
        place = entry.image.image.relative_to(release)
        rows.append([str(place), entry.why, entry.line])
    write_text(folder / UNNAMED, tsv(rows))


def copy_dicom(out: Path, folders: Sequence[tuple[str, str, Path]]) -> None:
    """Copy the DICOM files of every series."""
    for subject, session, series in folders:
        for name in ("dicom", "defaced_dicom"):
            if (series / name).is_dir():
                target = (
                    _source_folder(
                        out,
                        subject,
                        session,
                        series,
                    )
                    / name
                )

                shutil.copytree(
                    series / name,
                    target,
                    copy_function=shutil.copyfile,
                )
