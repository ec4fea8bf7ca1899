"""Heads moved, cut, shaded, and seen on other grids: the changes that scanners and patients make."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk

from deidflow.face.affine import IDENTITY, apply, compose, index_to_world, inverse
from deidflow.face.grids import nearest, shrink
from deidflow.face.heads import head_mask
from deidflow.face.intensities import window
from deidflow.face.template import Template
from deidflow.face.volume import image_of, like


@dataclass(frozen=True)
class Case:
    """A head as it was changed, and how it was moved (old world -> new world)."""

    image: Any
    motion: Any
    anatomy: Any = None
    """The same head without what is no head, where its shape was changed or something was added."""
    brain: Any = None
    """Its brain, where that was changed; both lie in the world of the image."""
    copy: Any = None
    """A mask of where the face is seen a second time."""


def rotated(pitch: float, roll: float, yaw: float, centre: Any) -> Any:
    """A rotation about the axes of LPS, in degrees."""
    turn = sitk.Euler3DTransform()
    angles = np.deg2rad([pitch, roll, yaw])
    turn.SetRotation(*angles.tolist())
    matrix = np.array(turn.GetMatrix())
    linear = matrix.reshape(3, 3)
    shift = centre - linear @ centre
    return np.hstack([linear, shift[:, None]])


def turned(image: Any, motion: Any) -> Case:
    """The head moved in the scanner: its stored grid goes with it."""
    values = sitk.GetArrayFromImage(image)
    return Case(image_of(values, compose(motion, index_to_world(image))), motion)


def resampled(image: Any, motion: Any) -> Case:
    """The head moved inside the same field of view."""
    back = inverse(motion)
    transform = sitk.AffineTransform(3)
    transform.SetMatrix(back[:, :3].ravel().tolist())
    transform.SetTranslation(back[:, 3].tolist())
    pad = []
    for step in image.GetSpacing():
        pad.append(int(25 / step))

    grid = sitk.ConstantPad(image, pad, pad, 0.0)
    return Case(
        sitk.Resample(
            image,
            grid,
            transform,
            sitk.sitkLinear,
            0.0,
            sitk.sitkFloat32,
        ),
        motion,
    )


def still(image: Any) -> Case:
    """A change of the picture, not of the place."""
    return Case(image, IDENTITY)


def cut_below(image: Any, height: float) -> Any:
    """Without what lies below a height of the world."""
    affine = index_to_world(image)
    upwards = affine[2, :3]
    axis = int(np.abs(upwards).argmax())
    size = image.GetSize()

    middle = (np.array(size) - 1) / 2
    world = affine @ [*middle, 1]
    steps = (height - world[2]) / upwards[axis]
    index = round(middle[axis] + steps)

    low = [0, 0, 0]
    high = [0, 0, 0]
    if upwards[axis] > 0:
        low[axis] = max(0, index)
    else:
        above = size[axis] - 1 - index
        high[axis] = max(0, above)
    return sitk.Crop(image, low, high)


def thick(image: Any, axis: int, thickness: float = 6.0) -> Any:
    """Slices of 6 mm along a world axis."""
    affine = index_to_world(image)
    along = np.abs(affine[axis, :3])
    index = int(along.argmax())

    spacing = image.GetSpacing()
    slices = round(thickness / spacing[index])
    factors = [1, 1, 1]
    factors[index] = max(1, slices)
    return sitk.BinShrink(image, factors)


def with_field(image: Any, centre: Any) -> Any:
    """A strong receive field."""
    z, y, x = np.indices(image.GetSize()[::-1], sparse=True)
    affine = index_to_world(image)
    world = []
    for k in range(3):
        world.append(affine[k, 0] * x + affine[k, 1] * y + affine[k, 2] * z + affine[k, 3])

    right, back, up = (
        (one - middle) / 90
        for one, middle in zip(
            world,
            centre,
            strict=True,
        )
    )
    field = np.exp(
        np.clip(
            0.9 * back + 0.5 * right * up - 0.5 * up,
            -2,
            2,
        )
    )
    return like((sitk.GetArrayFromImage(image) * field).astype(np.float32), image)


def with_noise(image: Any) -> Any:
    """Rician noise at a signal of 8."""
    generator = np.random.default_rng(1)
    values = sitk.GetArrayFromImage(image)
    dark = np.percentile(values, 60)
    signal = np.median(values[values > dark])
    level = float(signal) / 8

    shape = (2, *values.shape)
    real, imaginary = generator.normal(0, level, shape)
    noisy = np.hypot(values + real, imaginary)
    return like(noisy.astype(np.float32), image)


def inverted(image: Any) -> Any:
    """What is bright in the head is dark."""
    head = sitk.GetArrayFromImage(nearest(head_mask(window(shrink(image, 2.0))), image)) > 0
    values = sitk.GetArrayFromImage(image)
    top = np.percentile(values[head], 99) * 1.05
    return like(
        np.where(
            head,
            np.maximum(top - values, 0.05 * top),
            values,
        ).astype(np.float32),
        image,
    )


def in_field(image: Any, size: float = 400.0) -> Any:
    """In a large empty field."""
    pad = []
    for step, count in zip(
        image.GetSpacing(),
        image.GetSize(),
        strict=True,
    ):
        pad.append(max(0, int((size / step - count) / 2)))
    return sitk.ConstantPad(image, pad, pad, 0.0)


def cases(image: Any, truth: Any, template: Template) -> dict[str, Callable[[], Case]]:
    """All changes of a head; heights are those of the template."""
    centre = apply(inverse(truth), template.points["brain"]).mean(0)

    def level(height: float) -> float:
        point = template.original.TransformContinuousIndexToPhysicalPoint(
            [128.0, 120.0, height + 120]
        )
        return float(apply(inverse(truth), np.array([point]))[0, 2])

    shift = np.hstack([np.eye(3), np.array([[22.0], [-24.0], [23.0]])])
    made: dict[str, Callable[[], Case]] = {"as it is": lambda: still(image)}
    for name, angles in {
        "pitch 30": (30, 0, 0),
        "pitch -30": (-30, 0, 0),
        "yaw 30": (0, 0, 30),
        "roll 25": (0, 25, 0),
    }.items():
        made[name] = lambda angles=angles: resampled(image, rotated(*angles, centre))
    return made | {
        "turned": lambda: turned(
            image,
            rotated(
                18,
                -12,
                20,
                centre,
            ),
        ),
        "moved 40 mm": lambda: turned(image, shift),
        "cut at the chin": lambda: still(cut_below(image, level(35))),
        "cut at the brow": lambda: still(cut_below(image, level(126))),
        "6 mm up": lambda: still(thick(image, 2)),
        "6 mm across": lambda: still(thick(image, 0)),
        "field": lambda: still(with_field(image, centre)),
        "inverted": lambda: still(inverted(image)),
        "noisy": lambda: still(with_noise(image)),
        "large field": lambda: still(in_field(image)),
        "turned, field, noise": lambda: _chain(
            resampled(
                image,
                rotated(
                    25,
                    10,
                    -15,
                    centre,
                ),
            ),
            centre,
        ),
        "turned, 6 mm": lambda: _thicker(
            resampled(
                image,
                rotated(
                    -20,
                    10,
                    20,
                    centre,
                ),
            )
        ),
    }


def _chain(case: Case, centre: Any) -> Case:
    return Case(with_noise(with_field(case.image, centre)), case.motion)


def _thicker(case: Case) -> Case:
    return Case(thick(case.image, 2), case.motion)
