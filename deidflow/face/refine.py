"""How the head moved between two series of a session: a rigid motion, found by mutual information."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from deidflow.face.affine import Array, apply, from_parameters, inverse
from deidflow.face.register import minimized
from deidflow.face.similarity import Samples, Similarity, contrast, sample
from deidflow.face.volume import Image, head_mask, mask_points, shrink, window

_SPACING_MM, _BINS, _POINTS, _SEED = 3.0, 32, 15_000, 7
_COARSE_MM, _COARSE_BINS = 6.0, 20


@dataclass(frozen=True)
class Motion:
    """Series world -> reference world, how far it moves the face, and how sharp the match is.

    `contrast` is the match over the median of matches moved by 18 mm and 14 degrees; near 1 the images
    say nothing about where the series lies.
    """

    affine: Array
    moved_mm: float
    gain: float
    contrast: float


@dataclass(frozen=True)
class Reference:
    """A registered head that other series are compared with: windowed at 3 mm, blurred at 6 mm; its centre."""

    image: Image
    blurred: Image
    centre: Array

    @classmethod
    def of(cls, volume: Image) -> Reference:
        """The reference made of a volume."""
        image = window(shrink(volume, _SPACING_MM))
        points = mask_points(head_mask(image))
        middle = image.TransformContinuousIndexToPhysicalPoint(
            [(size - 1) / 2 for size in image.GetSize()]
        )
        return cls(image, _blurred(image), points.mean(0) if len(points) else np.array(middle))


def refine(stacks: Sequence[Image], reference: Reference, face: Array) -> Motion:
    """The rigid motion of a series' stacks against the reference; `face` are world points of the reference.

    Starts from the scanner's own coordinates; Powell's method on normalised mutual information, first on
    blurred images of 6 mm, then at 3 mm.
    """
    exact = Similarity(_samples(stacks, _SPACING_MM), reference.image, _BINS)
    rough = Similarity(_samples(stacks, _COARSE_MM), reference.blurred, _COARSE_BINS)

    def affine(parameters: Array) -> Array:
        return from_parameters(
            np.concatenate([parameters, np.zeros(6)]), reference.centre, reference.centre
        )

    before = exact(affine(np.zeros(6)))
    near, _ = minimized(lambda free: -rough(affine(free)), np.zeros(6), 4, 4.0, 1e-4, 0.1)
    found = [
        minimized(lambda free: -exact(affine(free)), start, 4, 1.0, 1e-5, 0.02)
        for start in (np.zeros(6), near)
    ]
    best, cost = min(found, key=lambda pair: pair[1])
    motion = affine(best)
    moved = float(np.linalg.norm(apply(inverse(motion), face) - face, axis=1).mean())
    return Motion(motion, moved, -cost - before, contrast(exact, motion, reference.centre))


def _blurred(image: Image) -> Image:
    return sitk.SmoothingRecursiveGaussian(shrink(image, _COARSE_MM), _COARSE_MM / 2)


def _samples(stacks: Sequence[Image], spacing: float) -> Samples:
    """Points of all stacks, each as many as it has voxels."""
    small = [window(shrink(stack, spacing)) for stack in stacks]
    sizes = [math.prod(one.GetSize()) for one in small]
    parts = [
        sample(one, max(200, _POINTS * size // sum(sizes)), _SEED)
        for one, size in zip(small, sizes, strict=True)
    ]
    return Samples(
        np.concatenate([one.points for one in parts]), np.concatenate([one.values for one in parts])
    )
