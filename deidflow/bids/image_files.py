"""The files of named images: NIfTI, sidecar, gradients, the table of scans, and masks."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from deidflow.bids.asl import is_run, volume_types
from deidflow.bids.description import description
from deidflow.bids.files import tsv, visit_folder, write_json, write_text
from deidflow.bids.named import Named, Visit
from deidflow.nifti.sidecar import JSON

DERIVATIVES = "derivatives/deidflow"
_README = """Masks of the faces that deidflow removed: 1 where a voxel of the image was replaced.

Each has the name of its image with `desc-SUFFIXdeface` and names the image in `Sources`. Masks of
field maps and of CT are in sourcedata, since BIDS has no derivatives of these yet.
"""
_SHARING = ("echo", "part")
_MASKED_IN_BIDS = ("anat", "func", "dwi")
MASK_ROOTS = (DERIVATIVES, f"{DERIVATIVES}/sourcedata")
"""Where masks lie: those that BIDS has a place for, and the others."""


def write_images(out: Path, named: Sequence[Named]) -> None:
    """Write the images of whole sessions, with all that belongs to them."""
    targets = _field_map_targets(named)
    for entry in named:
        intended_for = targets.get((entry.visit, entry.field_map), ())
        _write_image(
            entry,
            out,
            intended_for,
        )
    _write_scans(out, named)
    _write_masks(out, named)


def write_derivative_description(out: Path) -> None:
    """Describe the masks, where there are any."""
    root = out / DERIVATIVES
    if not root.exists():
        return
    links = {"raw": "../.."}
    described = description({}, "derivative") | {"DatasetLinks": links}
    write_json(root / "dataset_description.json", described)
    write_text(root / "README", _README)


def _write_image(entry: Named, out: Path, intended_for: Sequence[str]) -> None:
    """Write image, sidecar and gradients; `intended_for` are the images that a field map is for."""
    folder = out / entry.folder
    folder.mkdir(parents=True, exist_ok=True)
    image = entry.image
    shutil.copyfile(
        image.image,
        folder / f"{entry.stem}.nii.gz",
    )
    write_json(
        folder / f"{entry.stem}.json",
        _sidecar(entry, intended_for),
    )

    if is_run(entry):
        _write_context(entry, folder)
    if entry.name.suffix not in ("dwi", "epi"):
        return
    for suffix in (".bval", ".bvec"):
        gradients = image.beside(suffix)
        if gradients.exists():
            shutil.copyfile(
                gradients,
                folder / f"{entry.stem}{suffix}",
            )


def _write_context(entry: Named, folder: Path) -> None:
    """Say what each volume of an ASL run is; echoes and parts of a run share it."""
    name = entry.name
    entities = {key: name.entities[key] for key in name.entities if key not in _SHARING}
    shared = replace(entry, name=replace(name, suffix="aslcontext", entities=entities))
    rows = [[volume_type] for volume_type in volume_types(entry)]
    write_text(
        folder / f"{shared.stem}.tsv",
        tsv([["volume_type"], *rows]),
    )


def _sidecar(entry: Named, intended_for: Sequence[str]) -> dict[str, JSON]:
    """The sidecar with what joins field maps and the images that they are for."""
    sidecar = dict(entry.sidecar)
    if entry.field_map:
        sidecar["B0FieldIdentifier"] = entry.field_map
    runs = [f"bids::{place}" for place in entry.calibrates]
    if intended_for or runs:
        sidecar["IntendedFor"] = [*intended_for, *runs]
    sources: list[JSON] = list(entry.corrected_by)
    if sources:
        sidecar["B0FieldSource"] = sources if len(sources) > 1 else sources[0]
    return sidecar


def _field_map_targets(named: Sequence[Named]) -> dict[tuple[Visit, str], list[str]]:
    """The images that each field map of a session is for, as BIDS URIs."""
    targets: defaultdict[tuple[Visit, str], list[str]] = defaultdict(list)
    for entry in named:
        for identifier in entry.corrected_by:
            key = entry.visit, identifier
            uri = f"bids::{entry.place}"
            targets[key].append(uri)
    return dict(targets)


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
        rows = []
        for scan in sorted(names):
            rows.append([scan])
        write_text(
            out / folder / name,
            tsv([["filename"], *rows]),
        )


def _write_masks(out: Path, named: Sequence[Named]) -> None:
    """The masks of defaced images that the release holds, as derivatives."""
    for entry in named:
        mask = entry.image.mask
        if mask is None:
            continue
        root = MASK_ROOTS[entry.name.datatype not in _MASKED_IN_BIDS]
        folder = out / root / entry.folder
        folder.mkdir(parents=True, exist_ok=True)
        suffix = entry.name.suffix

        stem = entry.stem.removesuffix(suffix) + f"desc-{suffix}deface_mask"
        shutil.copyfile(mask, folder / f"{stem}.nii.gz")
        described = {
            "Type": "Face",
            "Description": "1 where a voxel of the image was replaced",
            "Sources": [f"bids:raw:{entry.place}"],
            "SpatialReference": f"bids:raw:{entry.place}",
        }
        write_json(folder / f"{stem}.json", described)
