"""The files of named images: NIfTI, sidecar, gradients, the table of scans, and masks."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deidflow.bids.description import description
from deidflow.bids.files import tsv, visit_folder, write_json, write_text
from deidflow.bids.plan import Named, Visit

DERIVATIVES = "derivatives/deidflow"
_CORRECTED = ("func", "dwi")
"""Data types whose images a field map is for."""


def write_images(out: Path, named: Sequence[Named]) -> None:
    """Write the images of whole sessions, with all that belongs to them."""
    targets = _field_map_targets(named)
    for entry in named:
        _write_image(
            entry,
            out,
            targets.get(entry.visit),
        )
    _write_scans(out, named)
    _write_masks(out, named)


def write_derivative_description(out: Path) -> None:
    """Describe the masks, where there are any."""
    root = out / DERIVATIVES
    if root.exists():
        write_json(
            root / "dataset_description.json",
            description({}, "derivative"),
        )


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
    root = out / DERIVATIVES
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
