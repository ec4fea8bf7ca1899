"""Write a finished release as a BIDS data set; the release is only read."""

from __future__ import annotations

import os
import shutil
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deidflow.bids.check import invalid_paths
from deidflow.bids.description import Participants, description, read_participants, write_top
from deidflow.bids.files import make_public, subject_label, tsv, write_json, write_text
from deidflow.bids.images import ReleasedImage, images_in, series_folders
from deidflow.bids.plan import BidsPlan, Named, Unnamed, plan_names
from deidflow.bids.sourcedata import copy_dicom, write_unnamed
from deidflow.errors import UsageError
from deidflow.store.files import read_json, remove_tree
from deidflow.store.scratch import private_folder, public_folder
from deidflow.store.staging import staging_of

_DERIVATIVES = "derivatives/deidflow"


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
    staging = private_folder(staging_of(place), "output's folder")
    part = staging / "bids"
    remove_tree(part)
    part.mkdir()
    try:
        _write(plan, part, release, known, with_dicom=with_dicom)
        invalid = invalid_paths(part)
        make_public(part)
        part.rename(place)
    finally:
        remove_tree(staging)
    return BidsExport(len(plan.named), plan.unnamed, invalid or (), invalid is not None)


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
    write_top(out, release, sorted({subject for subject, _, _ in folders}), participants)
    targets = _field_map_targets(plan.named)
    scans: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for entry in plan.named:
        written = _write_image(entry, out, targets)
        scans[entry.image.subject, entry.image.session].append(written)
    _write_scans(out, scans)
    _write_masks(out, plan.named)
    write_unnamed(out, plan.unnamed, release)
    if with_dicom:
        copy_dicom(out, folders)


# images


def _folder(out: Path, subject: str, session: str, datatype: str) -> Path:
    return out / f"sub-{subject_label(subject)}" / f"ses-{session}" / datatype


def _relative(entry: Named) -> str:
    """The path of an image below its session."""
    image, name = entry.image, entry.name
    return f"{name.datatype}/{name.stem(subject_label(image.subject), image.session)}.nii.gz"


def _write_image(entry: Named, out: Path, targets: Mapping[tuple[str, str], list[str]]) -> str:
    """Write image, sidecar and gradients; returns the path below the session."""
    image, name = entry.image, entry.name
    folder = _folder(out, image.subject, image.session, name.datatype)
    folder.mkdir(parents=True, exist_ok=True)
    stem = name.stem(subject_label(image.subject), image.session)
    shutil.copyfile(image.image, folder / f"{stem}.nii.gz")

    sidecar = dict(image.sidecar)
    sidecar.pop("BidsGuess", None)
    method = sidecar.get("DeidentificationMethod")
    if isinstance(method, str):
        sidecar["DeidentificationMethod"] = [method]
    if name.datatype == "func":
        sidecar["TaskName"] = name.entities["task"]
    if name.datatype == "fmap":
        sidecar["B0FieldIdentifier"] = f"b0map{image.session}"
        sidecar["IntendedFor"] = targets.get((image.subject, image.session), [])
    elif targets and name.datatype in ("func", "dwi") and _has_field_map(entry, targets):
        sidecar["B0FieldSource"] = f"b0map{image.session}"
    write_json(folder / f"{stem}.json", sidecar)

    for suffix in (".bval", ".bvec"):
        gradients = image.beside(suffix)
        if gradients.exists() and name.suffix in ("dwi", "epi", "sbref"):
            shutil.copyfile(gradients, folder / f"{stem}{suffix}")
    return _relative(entry)


def _field_map_targets(named: Sequence[Named]) -> dict[tuple[str, str], list[str]]:
    """The functional and diffusion images of each session that has a field map, as BIDS URIs."""
    sessions = {
        (entry.image.subject, entry.image.session)
        for entry in named
        if entry.name.datatype == "fmap"
    }
    targets: dict[tuple[str, str], list[str]] = {key: [] for key in sessions}
    for entry in named:
        key = (entry.image.subject, entry.image.session)
        if key in sessions and entry.name.datatype in ("func", "dwi"):
            place = f"sub-{subject_label(key[0])}/ses-{key[1]}/{_relative(entry)}"
            targets[key].append(f"bids::{place}")
    return targets


def _has_field_map(entry: Named, targets: Mapping[tuple[str, str], list[str]]) -> bool:
    return (entry.image.subject, entry.image.session) in targets


def _write_scans(out: Path, scans: Mapping[tuple[str, str], Sequence[str]]) -> None:
    for (subject, session), names in scans.items():
        label = subject_label(subject)
        folder = out / f"sub-{label}" / f"ses-{session}"
        released = [name for name in names if not name.startswith("ct/")]
        if released:
            rows = [["filename"], *([name] for name in sorted(released))]
            write_text(folder / f"sub-{label}_ses-{session}_scans.tsv", tsv(rows))


def _write_masks(out: Path, named: Sequence[Named]) -> None:
    """The masks of defaced images that the release holds, as derivatives."""
    masked = [(entry, entry.image.mask) for entry in named if entry.image.mask is not None]
    if not masked:
        return
    root = out / _DERIVATIVES
    root.mkdir(parents=True)
    write_json(root / "dataset_description.json", description({}, "derivative"))
    for entry, mask in masked:
        image, name = entry.image, entry.name
        folder = _folder(root, image.subject, image.session, name.datatype)
        folder.mkdir(parents=True, exist_ok=True)
        stem = name.stem(subject_label(image.subject), image.session).removesuffix(
            f"_{name.suffix}"
        )
        target = f"{stem}_desc-{name.suffix}deface_mask"
        shutil.copyfile(mask, folder / f"{target}.nii.gz")
        source = f"sub-{subject_label(image.subject)}/ses-{image.session}/{_relative(entry)}"
        write_json(folder / f"{target}.json", {"Type": "Face", "Sources": [f"bids:raw:{source}"]})
