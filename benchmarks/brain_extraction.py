"""Does brain extraction find the same brain after defacing? Judged by software that is not ours.

    python benchmarks/brain_extraction.py [--bet] FOLDER_OF_A_HEAD_SERIES ...

Needs the extra `faces` (radveil, for SynthStrip) and, for --bet, brainextractor. About a minute of CPU for
each line of SynthStrip, 15 s for one of BET.

The largest series of every folder is defaced at 2 mm with either region and either fill. A line says
how far the brain's volume changes, and how alike the two brains are (Dice). BET gets the upper 170 mm
of a head, as its own manual asks: with a neck it takes that for brain.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
from faces import head_in

from deidflow.dicom.geometry import Plane
from deidflow.dicom.stored_values import AIR_HU
from deidflow.face.affine import index_to_world
from deidflow.face.anchor import RegionKind, anchor_of
from deidflow.face.average import AverageFace, gain_of
from deidflow.face.candidate import Registered, attempt
from deidflow.face.engines import engine_of
from deidflow.face.heads import UPPER_PART_MM, head_mask, heights_of, vertex_height
from deidflow.face.intensities import window
from deidflow.face.mask import WorldMask
from deidflow.face.series import About, HeadSeries
from deidflow.face.session import Carrier
from deidflow.face.surrogate import made_up_head
from deidflow.face.template import Template, load_template, prepare_template
from deidflow.face.template_place import template_path
from deidflow.face.volume import Image, dice, mask_points, view_of
from deidflow.settings.face import DefaceSettings

KEY, PSEUDONYM = b"k" * 32, "P001"
REGIONS = "block", "skin"
Extractor = Callable[[Any, Any], Any]
"""Values (z, y, x) and an image of the same grid -> a mask of the brain."""


@dataclass(frozen=True)
class Head:
    """A head and its registration with one region."""

    series: HeadSeries
    registered: Registered
    region: RegionKind
    mask: WorldMask
    template: Template

    @property
    def image(self) -> Any:
        """The volume."""
        return self.series.main

    @property
    def air(self) -> float:
        """The value of air."""
        return AIR_HU if self.series.about.modality == "CT" else 0.0

    def removed(self) -> Any:
        """Which voxels are removed."""
        return self.mask.on(self.image)

    def emptied(self) -> Any:
        """Values with one value in the mask."""
        return np.where(self.removed(), self.air, view_of(self.image))

    def refaced(self) -> Any:
        """Values with a made-up face in the mask."""
        affine = self.registered.affine
        average = made_up_head(
            self.template.average, KEY, PSEUDONYM, covers=self.region is RegionKind.SKIN
        )
        gain = gain_of(self.image, self.mask, average, affine, self.air)
        face = AverageFace(average, affine, gain, self.air)
        values = view_of(self.image).astype(np.float32)
        for plane, before in zip(planes_of(self.image), values, strict=True):
            removed = self.mask.removed(plane)
            if removed.any():
                before[removed] = face.fill(plane, before, removed)
        return values


def planes_of(image: Any) -> Iterator[Plane]:
    """The slices of a volume as planes."""
    affine = index_to_world(image)
    columns, rows, slices = image.GetSize()
    spacing = np.linalg.norm(affine[:, :3], axis=0)
    for number in range(slices):
        yield Plane(
            frame=0,
            top=0,
            left=0,
            rows=rows,
            columns=columns,
            origin=affine[:, 3] + number * affine[:, 2],
            row_direction=affine[:, 0] / spacing[0],
            column_direction=affine[:, 1] / spacing[1],
            row_spacing=spacing[1],
            column_spacing=spacing[0],
        )


def defaced(image: Any, modality: str, region: str, fill: str | None) -> Head:
    """Register a head and make its mask; raises SystemExit where the gate refuses it."""
    settings = DefaceSettings.model_validate({"region": region, "fill": fill})
    template = prepared(settings)
    series = HeadSeries(
        "001", (image,), "M", About(modality), resolution_mm=max(image.GetSpacing())
    )
    outcome = attempt(series, template, settings)
    if not isinstance(outcome, Registered):
        raise SystemExit(f"refused: {outcome.detail}")

    with tempfile.TemporaryDirectory() as folder:
        engine = engine_of(settings, Path(folder), Path(folder) / "log")
    anchor = anchor_of(outcome, lambda one: engine.face(one, template), settings)
    carrier = Carrier.of(anchor, template, settings, lambda _: anchor.face, ())
    return Head(series, outcome, anchor.kind, carrier.plan_for(series).mask(), template)


def prepared(settings: DefaceSettings) -> Template:
    """The template, prepared for this run."""
    with tempfile.TemporaryDirectory() as cache:
        path = template_path(Path(cache), ears=settings.removes_ears)
        prepare_template(str(path), settings.removes_ears)
        return load_template(path)


def synthstrip(values: Any, image: Any) -> Any:
    """SynthStrip's brain."""
    import radveil

    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ np.vstack([index_to_world(image), [0, 0, 0, 1]])
    columns_first = np.ascontiguousarray(values.transpose(2, 1, 0), np.float32)
    volume = radveil.Volume.from_array(columns_first, affine)
    report = volume.deskull(strip=False, low_memory=True)
    return (np.asarray(report["mask"]) > 0).transpose(2, 1, 0)


def bet(values: Any, image: Any) -> Any:
    """BET's brain in the upper part of a head; bone and air of CT count as dark."""
    from brainextractor import BrainExtractor

    box = upper_part(image)
    part = values[box].transpose(2, 1, 0).astype(np.float32)
    spacing = np.diag([*image.GetSpacing(), 1.0])
    extractor = BrainExtractor(img=nibabel.Nifti1Image(part - part.min(), spacing))
    with contextlib.redirect_stdout(io.StringIO()):
        extractor.run()

    found = np.zeros(values.shape, bool)
    found[box] = extractor.compute_mask().transpose(2, 1, 0) > 0
    return found


def upper_part(image: Any) -> tuple[slice, ...]:
    """The box (z, y, x) of the voxels in the upper 170 mm of a head."""
    head = head_in_view(image)
    kept = heights_of(image) > vertex_height(mask_points(head)) - UPPER_PART_MM
    box = []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        used = np.flatnonzero(kept.any(others))
        box.append(slice(int(used[0]), int(used[-1]) + 1))
    return tuple(box)


def head_in_view(image: Any) -> Image:
    """A mask of the head; what is brighter than air on CT."""
    return head_mask(window(image))


def compared(before: Any, after: Any, image: Any) -> str:
    """Volumes of two brains, their difference, and how alike they are."""
    millilitres = np.prod(image.GetSpacing()) / 1000
    first, second = before.sum() * millilitres, after.sum() * millilitres
    return (
        f"{first:.1f} -> {second:.1f} ml, {second / first - 1:+.2%}, Dice {dice(before, after):.4f}"
    )


def modality_of(folder: Path) -> str:
    """Modality of the first DICOM file below a folder."""
    first = min(path for path in folder.rglob("*") if path.is_file())
    return str(pydicom.dcmread(first, stop_before_pixels=True, force=True).get("Modality", "MR"))


def main() -> None:
    """Print a line for each head, region and fill."""
    parser = argparse.ArgumentParser(description="Brain extraction after defacing")
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--bet", action="store_true")
    arguments = parser.parse_args()
    extract: Extractor = bet if arguments.bet else synthstrip

    for folder in arguments.folders:
        image, modality = head_in(folder), modality_of(folder)
        before = extract(view_of(image), image)
        for region in REGIONS:
            emptied = defaced(image, modality, region, None).emptied()
            refaced = defaced(image, modality, region, "average").refaced()
            for fill, values in (("one value", emptied), ("made-up face", refaced)):
                line = compared(before, extract(values, image), image)
                print(f"{folder.name} {region} {fill}: {line}", flush=True)


if __name__ == "__main__":
    main()
