"""The pydeface template: prepared once, kept as a file, loaded in milliseconds.

The extended mask removes, besides pydeface's own region, eyes, root of the nose, brow, cheeks, jaw
and chin, and never comes near the template's brain. It is stored as the distance to the removed
region, so that one file serves every margin.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from deidflow.face.affine import Array, index_to_world
from deidflow.face.average import average_head
from deidflow.face.face_zone import COIL_VOXELS, face_zone
from deidflow.face.grids import nearest, on_even_grid
from deidflow.face.heads import head_centres, head_mask
from deidflow.face.intensities import flattened_ranks, window
from deidflow.face.morphology import opened
from deidflow.face.register import COARSE_MM, FINE_MM, Target
from deidflow.face.template_points import points_of
from deidflow.face.template_regions import (
    PAD_HIGH,
    PAD_LOW,
    brain_mask,
    distance_to,
    extended_region,
)
from deidflow.face.tomography import label_image
from deidflow.face.volume import Image, Values, image_of, mask_like, values_of, view_of
from deidflow.store.arrays import read_arrays

_TARGETS = "plain", "ranked", "labels"
_MASKS = frozenset(("head", "brain", "original"))
"""Images of 0 and 1, which are kept as bits."""
_IMAGES = "head", "brain", "original", "distance", "zone", "target", "cover", "average"


@dataclass(frozen=True)
class Template:
    """Everything that registration, gate and mask need of the template."""

    plain: Target
    ranked: Target
    labels: Target
    """What engines A and B and the one for CT register to."""
    head: Image
    """Head mask at 4 mm."""
    brain: Image
    """Brain mask at 2 mm."""
    original: Image
    """pydeface's own region: 0 where it removes, edges replicated into the padding."""
    distance: Image
    """Distance to the extended mask in steps of 0.1 mm, 0 inside it, 250 and more outside."""
    zone: Image
    """Distance in mm to the zone in which a mask follows the skin, negative inside it."""
    target: Image
    """On the same grid: distance in mm to the surface that is left there, positive before it."""
    cover: Image
    """On the same grid: distance in mm to the zone where a made-up face may lie on the skin."""
    average: Image
    """Windowed intensities of the head at 2 mm, 0 in air, with a chin."""
    points: dict[str, Array]
    """World points by name, see `points_of`."""


def prepare_template(path: str, ears: bool) -> None:
    """Build the template file unless it is there (runs in a child process)."""
    target = Path(path)
    if target.exists():
        return

    target.parent.mkdir(
        parents=True,
        exist_ok=True,
        mode=0o700,
    )
    temporary = target.with_suffix(".part.npz")
    arrays = _pack(build_template(ears=ears))
    np.savez_compressed(temporary, **arrays)  # type: ignore[arg-type]
    temporary.replace(target)


def load_template(path: Path) -> Template:
    """The template from its file."""
    return _unpack(read_arrays(path))


def load_distance(path: Path) -> Image:
    """`Template.distance` alone: a fifth of the time, for those who only evaluate masks."""
    return _load_image(path, "distance")


def load_average(path: Path) -> Image:
    """`Template.average` alone, for those who only fill masks."""
    return _load_image(path, "average")


def _load_image(path: Path, name: str) -> Image:
    values, affine = f"{name}_values", f"{name}_affine"
    arrays = read_arrays(path, (values, affine))
    return image_of(arrays[values], arrays[affine])


def build_template(*, ears: bool) -> Template:
    """Compute everything from pydeface's two files; about 10 CPU seconds."""
    image = _oriented("mean_reg2mean.nii.gz", sitk.sitkFloat32)
    region = _oriented("facemask.nii.gz", sitk.sitkUInt8)
    brain = brain_mask(image)
    two = window(on_even_grid(image, 2.0))
    four = window(on_even_grid(image, 4.0))
    centre, _ = head_centres(four)
    if centre is None:
        raise ValueError("the template has no head")

    small_brain = nearest(brain, two)
    labels = label_image(head_mask(two), small_brain)
    original = _padded(region)
    removed = _removed_region(original, brain, ears)
    face = face_zone(two, ears=ears)
    return Template(
        plain=_target(two, centre),
        ranked=_target(flattened_ranks(two), centre),
        labels=_target(labels, centre),
        head=head_mask(four),
        brain=small_brain,
        original=original,
        distance=distance_to(removed),
        zone=face.zone,
        target=face.target,
        cover=face.cover,
        average=average_head(two, opened(head_mask(two), COIL_VOXELS), small_brain),
        points=points_of(two, region, brain),
    )


def _padded(region: Image) -> Image:
    """pydeface's region, its edges replicated into the padding."""
    return sitk.ZeroFluxNeumannPad(
        region,
        padLowerBound=PAD_LOW,
        padUpperBound=PAD_HIGH,
    )


def _oriented(name: str, pixel_type: int) -> Image:
    """A file of pydeface as an image whose axes point left, back and up."""
    path = files("pydeface").joinpath("data", name)
    image = sitk.ReadImage(str(path), pixel_type)
    return sitk.DICOMOrient(image, "LPS")


def _removed_region(original: Image, brain: Image, ears: bool) -> Image:
    """A mask of the extended region on the padded grid."""
    padded_brain = sitk.ConstantPad(
        brain,
        padLowerBound=PAD_LOW,
        padUpperBound=PAD_HIGH,
        constant=0,
    )
    removed = extended_region(
        original=view_of(original) == 0,
        brain=padded_brain,
        ears=ears,
    )
    return mask_like(removed, original)


def _target(image: Image, centre: Array) -> Target:
    """An image at the two scales of registration."""
    fine = on_even_grid(image, FINE_MM)
    coarse = on_even_grid(fine, COARSE_MM)
    return Target(fine, coarse, centre)


def _pack(template: Template) -> dict[str, Values]:
    """A template as named arrays."""
    packed: dict[str, Values] = {"centre": template.plain.centre}
    for name, points in template.points.items():
        packed[f"points_{name}"] = points

    for name, image in _named_images(template).items():
        packed[f"{name}_affine"] = index_to_world(image)
        values = values_of(image)
        if name in _MASKS:
            packed[f"{name}_shape"] = np.array(values.shape)
            values = np.packbits(values)
        packed[f"{name}_values"] = values
    return packed


def _named_images(template: Template) -> dict[str, Image]:
    """All images of a template by the names they have in its file."""
    images: dict[str, Image] = {}
    for name in _TARGETS:
        target = getattr(template, name)
        images[f"{name}_fine"] = target.fine
        images[f"{name}_coarse"] = target.coarse
    for name in _IMAGES:
        images[name] = getattr(template, name)
    return images


def _unpack(stored: dict[str, Values]) -> Template:
    """A template of named arrays."""

    def image(name: str) -> Image:
        values = stored[f"{name}_values"]
        if name in _MASKS:
            shape = stored[f"{name}_shape"]
            values = np.unpackbits(values, count=shape.prod()).reshape(shape)
        return image_of(values, stored[f"{name}_affine"])

    targets: dict[str, Target] = {}
    for name in _TARGETS:
        targets[name] = Target(
            fine=image(f"{name}_fine"),
            coarse=image(f"{name}_coarse"),
            centre=stored["centre"],
        )

    points: dict[str, Array] = {}
    for key, values in stored.items():
        kind, _, name = key.partition("_")
        if kind == "points":
            points[name] = values
    images = {name: image(name) for name in _IMAGES}
    return Template(
        **targets,
        **images,
        points=points,
    )
