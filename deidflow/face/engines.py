"""Who says where the face is: our template, pydeface, or a program of the site. One method each.

Every engine works on a registered head, so that gate, carrying and reconstruction are the same for all.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import nibabel
import numpy as np
import SimpleITK as sitk
from nibabel.filebasedimages import ImageFileError

from deidflow.errors import Withheld
from deidflow.face.affine import IDENTITY, apply, index_to_world, inverse
from deidflow.face.candidate import Registered
from deidflow.face.engine_installed import check_engine
from deidflow.face.mask import Field
from deidflow.face.series import HeadSeries
from deidflow.face.template import Template
from deidflow.face.template_regions import distance_to
from deidflow.face.volume import RAS_OF_LPS, Image, first_volume, image_of, like, lps_of, shrink
from deidflow.settings.face import DefaceSettings
from deidflow.store.process import run_tool
from deidflow.verdicts import Reason

_GRID_MM, _COVERED, _DEPTHS_MM = 1.0, 0.25, (0.0, 5.0, 10.0)


class Engine(Protocol):
    """Something that finds the region to remove."""

    def face(self, registered: Registered, template: Template) -> Field:
        """The region in the world of a registered series; raises Withheld where it does not fit."""


class TemplateEngine:
    """The extended region of the template, through the registration that passed the gate."""

    def face(self, registered: Registered, template: Template) -> Field:
        """Nothing to compute: the template's own distances."""
        return Field(template.distance, registered.affine)


@dataclass(frozen=True)
class CommandEngine:
    """A program that reads a NIfTI image and writes a NIfTI mask (0 = removed) on the same grid."""

    command: tuple[str, ...]
    scratch: Path
    log: Path
    face_left_max: float

    def face(self, registered: Registered, template: Template) -> Field:
        """Run the program and take its mask if it covers the face."""
        removed = run_program(self.command, registered, self.scratch, self.log)
        left = uncovered(removed, registered, template)
        if left > self.face_left_max:
            raise Withheld(Reason.ENGINE_MASK, f"{left:.0%} of the face left")
        return Field(distance_to(removed), IDENTITY)


@dataclass(frozen=True)
class PydefaceEngine:
    """pydeface with FSL's flirt; its own region leaves the eyes, so ours is added to it."""

    scratch: Path
    log: Path

    def face(self, registered: Registered, template: Template) -> Field:
        """pydeface's region joined with the template's eyes, brow and cheeks."""
        program = (sys.executable, "-m", "deidflow.face.run_pydeface", "{image}", "{mask}")
        removed = run_program(program, registered, self.scratch, self.log)
        ours = Field(template.distance, registered.affine).within(removed, 0.0)
        both = (sitk.GetArrayViewFromImage(removed) > 0) | ours
        return Field(distance_to(like(both.astype(np.uint8), removed)), IDENTITY)


def engine_of(settings: DefaceSettings, scratch: Path, log: Path) -> Engine:
    """The engine that the settings name; raises EnvironmentFault where its program is missing."""
    check_engine(settings)
    if settings.engine == "command":
        return CommandEngine(settings.command, scratch, log, settings.gate.face_left_max)
    return PydefaceEngine(scratch, log) if settings.engine == "pydeface" else TemplateEngine()


def run_program(command: Sequence[str], registered: Registered, scratch: Path, log: Path) -> Image:
    """What a program removes from a registered series, as a mask of about 1 mm in its world.

    Raises Withheld where the program fails or its mask does not lie on the grid of the image.
    """
    image, mask = scratch / "engine-image.nii.gz", scratch / "engine-mask.nii.gz"
    try:
        nibabel.save(_three_d(registered.series), image)
        words = [
            word.replace("{image}", str(image)).replace("{mask}", str(mask)) for word in command
        ]
        if (code := run_tool(words, log)) != 0 or not mask.exists():
            raise Withheld(Reason.ENGINE_MASK, f"exit code {code}")
        return _removed(mask, nibabel.load(image))
    finally:
        image.unlink(missing_ok=True)
        mask.unlink(missing_ok=True)


def _three_d(series: HeadSeries) -> Any:
    """The first volume of the converted image; the stack itself where slices are uneven or tilted."""
    if series.image is None or not series.even:
        affine = np.vstack([index_to_world(series.main), [0, 0, 0, 1]])
        return nibabel.Nifti1Image(
            sitk.GetArrayFromImage(series.main).transpose(2, 1, 0), RAS_OF_LPS @ affine
        )
    loaded = nibabel.load(series.image)
    return nibabel.Nifti1Image(first_volume(loaded), loaded.affine)


def _removed(path: Path, image: Any) -> Image:
    try:
        mask = nibabel.load(path)
        values = np.asanyarray(mask.dataobj)
    except (OSError, EOFError, ValueError, zlib.error, ImageFileError):
        raise Withheld(Reason.ENGINE_MASK, "the mask cannot be read") from None
    if mask.shape[:3] != image.shape[:3] or not np.allclose(mask.affine, image.affine, atol=1e-3):
        raise Withheld(Reason.ENGINE_MASK, "another grid")
    if values.size != np.prod(image.shape[:3]):
        raise Withheld(Reason.ENGINE_MASK, "more than one volume")
    gone = values.reshape(image.shape[:3]) == 0
    found = image_of(gone.transpose(2, 1, 0).astype(np.float32), lps_of(mask.affine))
    return shrink(found, _GRID_MM) > _COVERED


def uncovered(removed: Image, registered: Registered, template: Template) -> float:
    """The share of the face in view that a mask leaves, brow to chin: the skin as seen from the front, and below it."""
    left = []
    for depth in _DEPTHS_MM:
        points = apply(inverse(registered.affine), template.points["front"] + [0.0, depth, 0.0])
        indices = np.rint(apply(inverse(index_to_world(removed)), points)).astype(int)
        inside = np.all((indices >= 0) & (indices < removed.GetSize()), axis=1)
        x, y, z = indices[inside].T
        left.append(
            float(1 - sitk.GetArrayViewFromImage(removed)[z, y, x].mean()) if inside.any() else 1.0
        )
    return max(left)
