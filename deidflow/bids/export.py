"""Write a finished release as a BIDS data set; the release is only read."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from deidflow.bids.check import invalid_paths
from deidflow.bids.description import Participants, read_participants, write_top
from deidflow.bids.files import make_public
from deidflow.bids.image_files import write_derivative_description, write_images
from deidflow.bids.images import ReleasedImage, images_in, series_folders
from deidflow.bids.named import Unnamed
from deidflow.bids.plan import BidsPlan, plan_names
from deidflow.bids.sessions import write_session_tables
from deidflow.bids.sourcedata import copy_dicom, write_unnamed
from deidflow.errors import UsageError
from deidflow.store.files import read_json, remove_tree
from deidflow.store.scratch import private_folder, public_folder
from deidflow.store.staging import staging_of


@dataclass(frozen=True)
class BidsExport:
    """What was written, and what the check of names found."""

    images: int
    unnamed: tuple[Unnamed, ...]
    invalid: tuple[str, ...]
    """Paths that BIDS does not know; empty for a valid data set."""
    checked: bool
    """Whether bidsschematools is installed."""

    @property
    def exit_code(self) -> int:
        """6 for names that are not valid, else 0."""
        return 6 if self.invalid else 0


def plan_export(release: Path, table: Path | None = None) -> BidsPlan:
    """The names that the images of a release would get; writes nothing."""
    _check_release(release)
    images: list[ReleasedImage] = []
    for subject, session, series in series_folders(release):
        images += images_in(
            subject,
            session,
            series,
        )
    return plan_names(images, table)


def export_release(
    release: Path,
    out: Path,
    *,
    table: Path | None = None,
    participants: Path | None = None,
    with_dicom: bool = True,
) -> BidsExport:
    """Write a release as BIDS; the output appears in one rename when it is complete.

    `participants` is a table with a column `subject`, as `deidflow tables` writes it. Raises
    UsageError and ConfigError before anything is written.
    """
    plan = plan_export(release, table)
    place = Path(os.path.realpath(out))
    _check_output(place, release)
    known = read_participants(participants)

    public_folder(place.parent, "output's folder")
    staging = private_folder(
        staging_of(place),
        "output's folder",
    )
    part = staging / "bids"
    remove_tree(part)
    part.mkdir()
    try:
        _write(
            plan,
            part,
            release,
            known,
            with_dicom=with_dicom,
        )
        invalid = invalid_paths(part)
        make_public(part)
        part.rename(place)
    finally:
        remove_tree(staging)
    return BidsExport(
        len(plan.named),
        plan.unnamed,
        invalid or (),
        invalid is not None,
    )


def _check_release(release: Path) -> None:
    known = read_json(release / "dataset.json")
    if not isinstance(known, dict) or known.get("name") != "deidflow release":
        raise UsageError("the release's folder holds no finished release; name one that a run made")


def _check_output(out: Path, release: Path) -> None:
    real = Path(os.path.realpath(release))
    if out.is_relative_to(real) or real.is_relative_to(out):
        raise UsageError("the output lies inside the release, or the release in the output")
    if out.is_dir() and not any(out.iterdir()):
        out.rmdir()
    if out.exists():
        raise UsageError("the output exists and is not an empty folder; choose another")


def _write(
    plan: BidsPlan,
    out: Path,
    release: Path,
    participants: Participants,
    *,
    with_dicom: bool,
) -> None:
    folders = list(series_folders(release))
    subjects = sorted({subject for subject, _, _ in folders})
    write_top(
        out,
        release,
        subjects,
        participants,
    )

    write_images(out, plan.named)
    write_session_tables(out, folders)
    write_derivative_description(out)
    write_unnamed(
        out,
        plan.unnamed,
        release,
    )
    if with_dicom:
        copy_dicom(out, folders)
