"""The images of one series: what dcm2niix makes of its source, scrubbed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from deidflow.header.profile import Profile
from deidflow.identity.cleaner import scrubber_for
from deidflow.identity.workorder import SeriesOrder, WorkOrder
from deidflow.nifti.convert import Converted, convert, link_series
from deidflow.nifti.pet import pet_fields
from deidflow.nifti.scrub import scrub_nifti
from deidflow.nifti.sidecar import rebuild
from deidflow.steps.common import read_source
from deidflow.steps.results import ConvertedSeries
from deidflow.store.files import remove_tree
from deidflow.store.gzipped import Packing

Fields = Mapping[str, Any]
"""Fields of a JSON sidecar."""


def convert_series(
    scratch: Path,
    log: Path,
    profile: Profile,
    order: WorkOrder,
    series: SeriesOrder,
    packing: Packing = Packing.RELEASED,
) -> ConvertedSeries:
    """Write the images of one series into its folder below `scratch`; only volumes have any."""
    if not series.has_volumes:
        (scratch / series.name).mkdir(parents=True)
        return ConvertedSeries(())

    linked = scratch / f".{series.name}.in"
    raw = scratch / f".{series.name}.out"
    root = Path(order.source)
    paths = [root / file.path for file in series.files]
    try:
        link_series(paths, linked)
        images = convert(linked, raw, log)
        release_images(
            images,
            scratch / series.name,
            stem="image",
            order=order,
            series=series,
            profile=profile,
            packing=packing,
        )
    finally:
        remove_tree(linked)
        remove_tree(raw)

    suffixes = [image.suffix for image in images]
    return ConvertedSeries(tuple(suffixes))


def _extra_fields(order: WorkOrder, series: SeriesOrder, profile: Profile) -> Fields:
    """Fields of the sidecar that dcm2niix does not write."""
    method = f"deidflow, profile {profile.name}"
    fields: dict[str, Any] = {"DeidentificationMethod": method}
    if series.modality == "PT":
        header = read_source(
            order,
            series.files[0],
            pixels=False,
        )
        fields |= pet_fields(header)
    return fields


def release_images(
    images: Sequence[Converted],
    folder: Path,
    *,
    stem: str,
    order: WorkOrder,
    series: SeriesOrder,
    profile: Profile,
    packing: Packing = Packing.RELEASED,
) -> None:
    """Copy converted images into a folder under released names, scrubbed and compressed."""
    scrubber = scrubber_for(order, profile)
    extra = _extra_fields(order, series, profile)
    folder.mkdir(parents=True, exist_ok=True)
    for image in images:
        name = stem + image.suffix
        scrub_nifti(image.nifti, folder / f"{name}.nii.gz", packing)
        sidecar = folder / f"{name}.json"
        content = rebuild(image.sidecar, scrubber, extra)
        sidecar.write_bytes(content)
        for gradient in image.gradients:
            target = folder / f"{name}{gradient.suffix}"
            target.write_bytes(gradient.read_bytes())
