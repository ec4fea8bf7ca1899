"""The pydeface template: prepared once, kept as a file, loaded in milliseconds.

The extended mask removes, besides pydeface's own region, eyes, root of the nose, brow, cheeks, jaw and
chin, and never comes near the template's brain. It is stored as the distance to the removed region, so
that one file serves every margin.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from deidflow.face.affine import Array, index_to_world
from deidflow.face.register import Target
from deidflow.face.volume import (
    Image,
    flatten,
    head_centres,
    head_mask,
    image_of,
    mask_points,
    rank,
    shrink,
    window,
)
from deidflow.store.files import digest_of

TEMPLATE_VERSION = "1"
_PAD_LOW, _PAD_HIGH = [40, 80, 120], [40, 0, 0]
"""Voxels added to the template: right and left 40, in front 80, below 120 (index order x, y, z in LPS)."""
_MIDDLE_X = 88
_FARTHEST_MM, _UNIT_MM = 25.0, 0.1


@dataclass(frozen=True)
class Template:
    """Everything that registration, gate and mask need of the template."""

    plain: Target
    flattened: Target
    head: Image
    """Head mask at 4 mm."""
    original: Image
    """pydeface's own region: 0 where it removes, edges replicated into the padding."""
    distance: Image
    """Distance to the extended mask in steps of 0.1 mm, 0 inside it, 250 and more outside."""
    points: dict[str, Array]
    """World points of `brain`, `face`, `surface`, `head` and of the shell `outer` around the head."""

    def target(self, *, flattened: bool) -> Target:
        """The target for engine A or B."""
        return self.flattened if flattened else self.plain


def margin_units(margin_mm: float) -> int:
    """The largest stored distance that a mask grown by `margin_mm` removes."""
    return round(margin_mm / _UNIT_MM)


def template_path(folder: Path, *, ears: bool) -> Path:
    """Where the prepared template lies in a cache folder."""
    key = digest_of([TEMPLATE_VERSION, sitk.Version_VersionString(), np.__version__, ears])[:12]
    return folder / f"template-{key}.npz"


def prepare_template(path: str, ears: bool) -> None:
    """Build the template file unless it is there (runs in a child process)."""
    target = Path(path)
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = target.with_suffix(".part.npz")
    np.savez_compressed(temporary, **_pack(build_template(ears=ears)))  # type: ignore[arg-type]
    temporary.replace(target)


def load_template(path: Path) -> Template:
    """The template from its file."""
    with np.load(path) as stored:
        return _unpack(dict(stored))


def build_template(*, ears: bool) -> Template:
    """Compute everything from pydeface's two files; about 10 CPU seconds."""
    data = files("pydeface").joinpath("data")
    image = sitk.DICOMOrient(sitk.ReadImage(str(data / "mean_reg2mean.nii.gz"), sitk.sitkFloat32), "LPS")
    region = sitk.DICOMOrient(sitk.ReadImage(str(data / "facemask.nii.gz"), sitk.sitkUInt8), "LPS")
    original = sitk.ZeroFluxNeumannPad(region, _PAD_LOW, _PAD_HIGH)
    brain = brain_mask(image)
    removed = extended_region(
        sitk.GetArrayFromImage(original) == 0, sitk.ConstantPad(brain, _PAD_LOW, _PAD_HIGH, 0), ears
    )
    two = window(shrink(image, 2.0))
    four = window(shrink(image, 4.0))
    centre = head_centres(four)[0]
    ranked = rank(flatten(two))
    return Template(
        plain=_target(two, centre),
        flattened=_target(ranked, centre),
        head=head_mask(four)[0],
        original=original,
        distance=_distance_to(removed, original),
        points=_points(two, region, brain),
    )


def _target(two: Image, centre: Array | None) -> Target:
    if centre is None:
        raise ValueError("the template has no head")
    fine = shrink(two, 4.0)
    return Target(fine, shrink(fine, 8.0), centre)


def brain_mask(image: Image) -> Image:
    """The brain of the template: 195 < I < 520, opened, cored, regrown, closed, filled (about 1.2 l)."""
    tissue = sitk.BinaryMorphologicalOpening(sitk.And(image > 195, image < 520), [1] * 3)
    depth = sitk.SignedMaurerDistanceMap(tissue, insideIsPositive=True, squaredDistance=False, useImageSpacing=True)
    core = sitk.RelabelComponent(sitk.ConnectedComponent(depth > 7)) == 1
    near = sitk.SignedMaurerDistanceMap(core, insideIsPositive=False, squaredDistance=False, useImageSpacing=True) <= 8
    return sitk.BinaryFillhole(sitk.BinaryMorphologicalClosing(sitk.And(tissue, near), [5] * 3))


def extended_region(original: NDArray[np.bool_], brain: Image, ears: bool) -> NDArray[np.bool_]:
    """What is removed, as an array (z, y, x) on the padded template grid."""
    outward = sitk.SignedMaurerDistanceMap(brain, insideIsPositive=False, squaredDistance=False, useImageSpacing=True)
    away = sitk.GetArrayFromImage(outward)
    z, y, x = np.indices(away.shape, sparse=True)
    x, y, z = abs(x - _PAD_LOW[0] - _MIDDLE_X), y - _PAD_LOW[1], z - _PAD_LOW[2]
    eyes_and_brow = (y <= 66) & (z <= 124) & (away > 8)
    cheeks_and_chin = (y <= 98) & (z <= 70) & (away > 12)
    removed: NDArray[np.bool_] = original | eyes_and_brow | cheeks_and_chin
    if ears:
        removed |= (x > 66) & (y > 85) & (y < 165) & (z < 115) & (away > 14)
    return removed


def _distance_to(removed: NDArray[np.bool_], grid: Image) -> Image:
    mask = sitk.GetImageFromArray(removed.astype(np.uint8))
    mask.CopyInformation(grid)
    outward = sitk.SignedMaurerDistanceMap(mask, insideIsPositive=False, squaredDistance=False, useImageSpacing=True)
    steps = np.clip(np.ceil(sitk.GetArrayFromImage(outward) / _UNIT_MM), 0, _FARTHEST_MM / _UNIT_MM)
    steps[removed] = 0
    stored = sitk.GetImageFromArray(steps.astype(np.uint8))
    stored.CopyInformation(grid)
    return stored


def _points(two: Image, region: Image, brain: Image) -> dict[str, Array]:
    head_image = head_mask(two)[0]
    head = sitk.GetArrayFromImage(head_image) > 0
    nearest = (head_image, sitk.Transform(), sitk.sitkNearestNeighbor)
    face = sitk.GetArrayFromImage(sitk.Resample(region, *nearest, 1.0)) < 1
    brain_values = sitk.GetArrayFromImage(sitk.Resample(brain, *nearest, 0.0)) > 0
    depth = ndimage.distance_transform_edt(face, sampling=head_image.GetSpacing()[::-1])
    surface = head & ~ndimage.binary_erosion(head, border_value=1)
    shell = ndimage.binary_dilation(head, iterations=6) & ~ndimage.binary_dilation(head, iterations=3)
    generator = np.random.default_rng(0)

    def some(mask: NDArray[np.bool_], most: int) -> Array:
        image = sitk.GetImageFromArray(mask.astype(np.uint8))
        image.CopyInformation(head_image)
        points = mask_points(image)
        return points[generator.choice(len(points), min(most, len(points)), replace=False)]

    return {
        "brain": some(brain_values, 4000),
        "face": some(face & head, 3000),
        "surface": some(face & surface & (depth > 6), 1500),
        "head": some(head, 6000),
        "outer": some(shell, 5000),
    }


_IMAGES = ("plain_fine", "plain_coarse", "flattened_fine", "flattened_coarse", "head", "original", "distance")


def _pack(template: Template) -> dict[str, NDArray[Any]]:
    images = (
        template.plain.fine, template.plain.coarse, template.flattened.fine, template.flattened.coarse,
        template.head, template.original, template.distance,
    )  # fmt: skip
    packed = {f"points_{name}": points for name, points in template.points.items()}
    packed["centre"] = template.plain.centre
    for name, image in zip(_IMAGES, images, strict=True):
        packed[f"{name}_values"] = sitk.GetArrayFromImage(image)
        packed[f"{name}_affine"] = index_to_world(image)
    return packed


def _unpack(stored: dict[str, NDArray[Any]]) -> Template:
    images = {name: image_of(stored[f"{name}_values"], stored[f"{name}_affine"]) for name in _IMAGES}
    centre = stored["centre"]
    points = {name.removeprefix("points_"): values for name, values in stored.items() if name.startswith("points_")}
    return Template(
        Target(images["plain_fine"], images["plain_coarse"], centre),
        Target(images["flattened_fine"], images["flattened_coarse"], centre),
        images["head"],
        images["original"],
        images["distance"],
        points,
    )
