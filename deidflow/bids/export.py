"""Write a finished release as a BIDS data set; the release is only read."""

from __future__ import annotations

import os
import shutil
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deidflow.bids.check import invalid_paths
from deidflow.bids.description import Participants, description, read_participants, write_top
from deidflow.bids.files import make_public, tsv, visit_folder, write_json, write_text
from deidflow.bids.images import ReleasedImage, images_in, series_folders
from deidflow.bids.plan import BidsPlan, Named, Unnamed, Visit, plan_names
from deidflow.bids.sourcedata import copy_dicom, write_unnamed
from deidflow.errors import UsageError
from deidflow.store.files import read_json, remove_tree
from deidflow.store.scratch import private_folder, public_folder
from deidflow.store.staging import staging_of

_DERIVATIVES = "derivatives/deidflow"
_CORRECTED = ("func", "dwi")
"""Data types whose images a field map is for."""


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
        images += images_in(subject, session, series)
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

    targets = _field_map_targets(plan.named)
    for entry in plan.named:
        _write_image(
            entry,
            out,
            targets.get(entry.visit),
        )
    _write_scans(out, plan.named)
    _write_masks(out, plan.named)

    write_unnamed(out, plan.unnamed, release)
    if with_dicom:
        copy_dicom(out, folders)


# images


def _write_image(entry: Named, out: Path, targets: Sequence[str] | None) -> None:
    """Write image, sidecar and gradients; `targets` are what a field map of the session is for."""
    folder = out / entry.folder
    folder.mkdir(parents=True, exist_ok=True)
    image = entry.image
    shutil.copyfile(
        image.image,
        folder / f"{entry.stem}.nii.gz",
    )
    write_json(
        folder / f"{entry.stem}.json",
        _sidecar(entry, targets),
    )

    if entry.name.suffix not in ("dwi", "epi", "sbref"):
        return
    for suffix in (".bval", ".bvec"):
        gradients = image.beside(suffix)
        if gradients.exists():
            shutil.copyfile(
                gradients,
                folder / f"{entry.stem}{suffix}",
            )


def _sidecar(entry: Named, targets: Sequence[str] | None) -> dict[str, Any]:
    """The sidecar of the release with what BIDS asks for beyond it."""
    sidecar = dict(entry.image.sidecar)
    sidecar.pop("BidsGuess", None)
    method = sidecar.get("DeidentificationMethod")
    if isinstance(method, str):
        sidecar["DeidentificationMethod"] = [method]

    name = entry.name
    field_map = f"b0map{entry.image.session}"
    if name.datatype == "func":
        sidecar["TaskName"] = name.entities["task"]
    if name.datatype == "fmap":
        sidecar["B0FieldIdentifier"] = field_map
        sidecar["IntendedFor"] = list(targets or ())
    elif name.datatype in _CORRECTED and targets is not None:
        sidecar["B0FieldSource"] = field_map
    return sidecar


def _field_map_targets(named: Sequence[Named]) -> dict[Visit, list[str]]:
    """The functional and diffusion images of each session that has a field map, as BIDS URIs."""
    targets: dict[Visit, list[str]] = {}
    for entry in named:
        if entry.name.datatype == "fmap":
            targets.setdefault(entry.visit, [])

    for entry in named:
        if entry.visit in targets and entry.name.datatype in _CORRECTED:
            targets[entry.visit].append(f"bids::{entry.place}")
    return targets


def _write_scans(out: Path, named: Sequence[Named]) -> None:
    """The table of the images of each session; CT is no part of BIDS."""
    scans: defaultdict[Visit, list[str]] = defaultdict(list)
    for entry in named:
        if entry.name.datatype != "ct":
            name = f"{entry.name.datatype}/{entry.stem}.nii.gz"
            scans[entry.visit].append(name)

    for visit, names in scans.items():
        folder = visit_folder(*visit)
        name = f"{folder.parent.name}_{folder.name}_scans.tsv"
        rows = [[scan] for scan in sorted(names)]
        write_text(
            out / folder / name,
            tsv([["filename"], *rows]),
        )


def _write_masks(out: Path, named: Sequence[Named]) -> None:
    """The masks of defaced images that the release holds, as derivatives."""
    root = out / _DERIVATIVES
    for entry in named:
        mask = entry.image.mask
        if mask is None:
            continue
        folder = root / entry.folder
        folder.mkdir(parents=True, exist_ok=True)
        suffix = entry.name.suffix
        stem = entry.stem.removesuffix(suffix) + f"desc-{suffix}deface_mask"
        shutil.copyfile(mask, folder / f"{stem}.nii.gz")
        sources = [f"bids:raw:{entry.place}"]
        write_json(
            folder / f"{stem}.json",
            {"Type": "Face", "Sources": sources},
        )

    if root.exists():
        write_json(
            root / "dataset_description.json",
            description({}, "derivative"),
        )
