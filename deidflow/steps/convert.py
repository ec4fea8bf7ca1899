"""Convert: dcm2niix on the source of each series, scrubbed, kept in the vault's work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from deidflow.header.profile import Profile
from deidflow.header.text import Scrubber
from deidflow.identity.cleaner import scrubber_for
from deidflow.identity.workorder import SeriesOrder, WorkOrder, read_order
from deidflow.nifti.convert import Converted, convert, link_series
from deidflow.nifti.pet import pet_fields
from deidflow.nifti.scrub import scrub_nifti
from deidflow.nifti.sidecar import rebuild
from deidflow.steps.common import SeriesResult, each_series, read_source
from deidflow.store.files import remove_tree


def convert_session(
    order_path: str, label: str, scratch: str, log: str, profile: Profile
) -> dict[str, Any]:
    """Write `<series>/image*.nii.gz` with sidecars and gradients for every series of a session."""
    order = read_order(Path(order_path))

    def work(series: SeriesOrder) -> SeriesResult:
        return _series(order, series, profile, Path(scratch), Path(log))

    return {"series": each_series(order.session(label), work)}


def _series(
    order: WorkOrder, series: SeriesOrder, profile: Profile, scratch: Path, log: Path
) -> SeriesResult:
    linked, raw = scratch / f".{series.name}.in", scratch / f".{series.name}.out"
    try:
        link_series([Path(order.source) / file.path for file in series.files], linked)
        images = convert(linked, raw, log)
        extra = extra_fields(order, series, profile)
        release_images(images, scratch / series.name, "image", scrubber_for(order, profile), extra)
    finally:
        remove_tree(linked)
        remove_tree(raw)
    return {"state": "converted", "outputs": [image.suffix for image in images]}


def extra_fields(order: WorkOrder, series: SeriesOrder, profile: Profile) -> dict[str, Any]:
    """Fields of the sidecar that dcm2niix does not write."""
    fields: dict[str, Any] = {"DeidentificationMethod": f"deidflow, profile {profile.name}"}
    if series.modality == "PT":
        fields |= pet_fields(read_source(order, series.files[0], pixels=False))
    return fields


def release_images(
    images: Sequence[Converted],
    folder: Path,
    stem: str,
    scrubber: Scrubber,
    extra: Mapping[str, Any],
) -> None:
    """Copy converted images into a folder under released names, scrubbed and compressed."""
    folder.mkdir(parents=True, exist_ok=True)
    for image in images:
        name = stem + image.suffix
        scrub_nifti(image.nifti, folder / f"{name}.nii.gz")
        (folder / f"{name}.json").write_bytes(rebuild(image.sidecar, scrubber, extra))
        for gradient in image.gradients:
            (folder / f"{name}{gradient.suffix}").write_bytes(gradient.read_bytes())
