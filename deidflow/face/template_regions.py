"""The template's own anatomy: its brain, what of it is removed, and the points that gates look at."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from deidflow.face.affine import Array, apply, index_to_world, inverse
from deidflow.face.volume import (
    Image,
    grown,
    head_mask,
    largest,
    like,
    mask_points,
    nearest,
    outward,
)

PAD_LOW, PAD_HIGH = [40, 80, 120], [40, 0, 0]
"""Voxels added to the template: right and left 40, in front 80, below 120 (index order x, y, z in LPS)."""
_MIDDLE_X = 88
_CHIN_Z, _BROW_Z, _HALF_WIDTH, _FRONT_Y = 5, 122, 60, 110
"""The window in which the face is seen from the front, in template voxels (mm)."""
FARTHEST_MM, UNIT_MM = 25.0, 0.1
_VAULT_MM = 15.0
NEAREST_MM = 8.0
"""What lies this near to the template's brain stays where the subject's own cannot be found."""


def brain_mask(image: Image) -> Image:
    """The brain of the template: 195 < I < 520, opened, cored, regrown, closed, filled (about 1.2 l)."""
    tissue = sitk.BinaryMorphologicalOpening(sitk.And(image > 195, image < 520), [1] * 3)
    core = largest(grown(tissue, -7))
    near = grown(core, 8)
    return sitk.BinaryFillhole(sitk.BinaryMorphologicalClosing(sitk.And(tissue, near), [5] * 3))


def extended_region(original: NDArray[np.bool_], brain: Image, ears: bool) -> NDArray[np.bool_]:
    """What is removed, as an array (z, y, x) on the padded template grid.

    pydeface's region, and eyes with brow, temples, cheeks with chin, and the sides of the throat. Above the
    orbits it keeps 14 mm from the template's brain: frontal poles lie up to 10 mm in front of it.
    """
    away = sitk.GetArrayFromImage(outward(brain))
    z, y, x = np.indices(away.shape, sparse=True)
    x, y, z = abs(x - PAD_LOW[0] - _MIDDLE_X), y - PAD_LOW[1], z - PAD_LOW[2]
    eyes_and_brow = (y <= 66) & (z <= 130) & (away > 14)
    temples = (x > 40) & (y <= 80) & (z > 70) & (z <= 130) & (away > 12)
    cheeks_and_chin = (y <= 98) & (z <= 70) & (away > 12)
    throat = (x > 30) & (y <= 118) & (z <= 25) & (away > 12)
    removed: NDArray[np.bool_] = original | eyes_and_brow | temples | cheeks_and_chin | throat
    if ears:
        removed |= (x > 60) & (y > 80) & (y < 165) & (z < 120) & (away > 12)
    return removed


def distance_to(mask: Image) -> Image:
    """Distance to a mask in steps of 0.1 mm: 0 inside it, 250 and more than 25 mm away."""
    steps = np.clip(
        np.ceil(sitk.GetArrayFromImage(outward(mask)) / UNIT_MM), 0, FARTHEST_MM / UNIT_MM
    )
    return like(steps.astype(np.uint8), mask)


def points_of(two: Image, region: Image, brain: Image) -> dict[str, Array]:
    """World points of `brain`, `face`, its `surface`, `front`, `head`, `vault`, and of the shell `outer` around it.

    `front` is the skin that is seen from the front between brow and chin; `vault` is what of the head lies in
    the brain or within 15 mm of it.
    """
    head_image = head_mask(two)
    head = sitk.GetArrayFromImage(head_image) > 0
    face = sitk.GetArrayFromImage(nearest(region, head_image, outside=1)) < 1
    brain_values = sitk.GetArrayFromImage(nearest(brain, head_image)) > 0
    depth = ndimage.distance_transform_edt(face, sampling=head_image.GetSpacing()[::-1])
    surface = head & ~ndimage.binary_erosion(head, border_value=1)
    near_brain = sitk.GetArrayFromImage(nearest(grown(brain, _VAULT_MM), head_image)) > 0
    shell = ndimage.binary_dilation(head, iterations=6) & ~ndimage.binary_dilation(
        head, iterations=3
    )
    generator = np.random.default_rng(0)

    def some(mask: NDArray[np.bool_], most: int) -> Array:
        points = mask_points(like(mask.astype(np.uint8), head_image))
        return points[generator.choice(len(points), min(most, len(points)), replace=False)]

    return {
        "front": _front(head_image, region),
        "brain": some(brain_values, 4000),
        "face": some(face & head, 3000),
        "surface": some(face & surface & (depth > 6), 1500),
        "head": some(head, 6000),
        "outer": some(shell, 5000),
        "vault": some(head & near_brain, 4000),
    }


def _front(head: Image, template: Image) -> Array:
    """The first voxel of the head on each ray from the front, in the window of the face."""
    values = sitk.GetArrayViewFromImage(head) > 0
    z, x = np.nonzero(values.any(1))
    skin = apply(index_to_world(head), np.stack([x, values.argmax(1)[z, x], z], 1).astype(float))
    indices = apply(inverse(index_to_world(template)), skin)
    seen = (
        (indices[:, 2] > _CHIN_Z)
        & (indices[:, 2] < _BROW_Z)
        & (abs(indices[:, 0] - _MIDDLE_X) < _HALF_WIDTH)
    )
    return skin[seen & (indices[:, 1] < _FRONT_Y)]
