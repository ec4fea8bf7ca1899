"""Heads that nobody tests: children, lesions, operated skulls, artefacts, contrasts, things in view.

Every kind is made in the frame of the template, with the head's true registration: `Frame`.
Heights and depths are those of its voxels (mm): x from right to left, y from front to back, z up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import SimpleITK as sitk
from head_changes import Case, still, thick
from head_frame import BRAIN, Frame

from deidflow.face.affine import (
    IDENTITY,
    affine_through,
    compose,
    index_to_world,
)
from deidflow.face.template import Template
from deidflow.face.volume import centre_of_view, flags_of, image_of, like, mask_like, values_of

MIDDLE = np.array([88.0, 110.0, 112.0])
"""Between the ears, at the height of the eyes: a child's lower face is nearer to it."""
EYE_Z, EAR_Y = 100.0, 115.0
SIDE, BELOW_SKIN = BRAIN + np.array([30, -15, 10]), BRAIN + np.array([48, -10, 20])
FACE_Y, BROW_Z, BEHIND_MM = 60.0, 122.0, 20.0
TISSUES = 0.0, 0.3, 0.65, 1.0, 1.5
"""Air, fluid, grey matter, white matter and fat on T1, as shares of white matter."""
CONTRASTS = {
    "like T2": (0.0, 1.0, 0.6, 0.4, 0.5),
    "like FLAIR": (0.0, 0.1, 0.8, 0.6, 0.7),
    "like PD": (0.0, 0.9, 0.85, 0.7, 0.8),
}


def small_face(frame: Frame, share: float) -> Any:
    """The places from which a face is taken whose lower part is nearer to the skull base."""
    offsets = frame.points - np.reshape(MIDDLE, (3, 1, 1, 1))
    below = _step((EYE_Z - frame.points[2]) / 6)
    before = _step((EAR_Y - frame.points[1]) / 10)
    stretch = 1 + below * before * (1 / (1 - share) - 1)
    return np.reshape(MIDDLE, (3, 1, 1, 1)) + offsets * stretch


def _step(values: Any) -> Any:
    return 1 / (1 + np.exp(-np.clip(values, -50, 50)))


def child(frame: Frame, brain: Any, size: float, share: float) -> Case:
    """The whole head smaller, its lower face by a further share."""
    centre = centre_of_view(frame.image)
    motion = affine_through(np.eye(3) * size, point=centre, target=centre)
    image = frame.image
    if share:
        image = frame.bent(image, small_face(frame, share))
    small = scaled(image, motion)
    return Case(small, motion, anatomy=small, brain=scaled(brain, motion))


def scaled(image: Any, motion: Any) -> Any:
    """An image whose grid is moved."""
    return image_of(values_of(image), compose(motion, index_to_world(image)))


def lesion(frame: Frame, millilitres: float, level: float, centre: Any = SIDE) -> Case:
    """A ball in one hemisphere at a level of white matter."""
    radius = (millilitres * 1000 * 3 / 4 / np.pi) ** (1 / 3)
    inside = frame.distance(centre) < radius
    values = np.where(inside, level * frame.white, frame.values)
    return still(frame.made(values))


def cavity(frame: Frame, centre: Any = BELOW_SKIN, radii: Any = (30, 22, 22)) -> Case:
    """A dark hole of 60 ml from the brain to the skin."""
    inside = frame.distance(centre, radii) < 1
    return still(frame.made(np.where(inside, 0, frame.values)))


def craniotomy(frame: Frame, direction: Any = (0.8, -0.2, 0.55), sunken_mm: float = 14) -> Case:
    """A side of the skull sunken."""
    offsets = frame.points - np.reshape(BRAIN, (3, 1, 1, 1))
    length = np.sqrt((offsets**2).sum(0)) + 1e-6
    middle = np.array(direction)
    cosine = (offsets * np.reshape(middle / np.linalg.norm(middle), (3, 1, 1, 1))).sum(0) / length
    depth = sunken_mm * _step((cosine - 0.86) * 40) * _step((length - 45) / 5)
    return still(frame.bent(frame.image, frame.points + offsets / length * depth))


def ventricles(frame: Frame, level: float = 0.3, size: float = 1.0) -> Case:
    """Two large ventricles, 60 ml each at a size of 1, dark on T1."""
    inside = np.zeros(frame.head.shape, bool)
    radii = size * np.array([13, 45, 24])
    for side in (-20, 20):
        inside |= frame.distance(BRAIN + np.array([side, 0, 0]), radii) < 1
    return still(frame.made(np.where(inside, level * frame.white, frame.values)))


def ghost(frame: Frame, axis: int, strength: float) -> Case:
    """A copy moved by half of the field of view along an axis of the array, and one by a quarter."""
    size = frame.values.shape[axis]
    copies = np.roll(frame.values, size // 2, axis) + 0.5 * np.roll(frame.values, size // 4, axis)
    return still(frame.made(frame.values + strength * copies))


def wrap(frame: Frame, depth_mm: float, behind_mm: float = 25.0) -> Case:
    """A field of view that begins behind the tip of the nose: what lies before it is at the back."""
    image = sitk.DICOMOrient(frame.image, "LPS")
    oriented = like(frame.head.astype(np.uint8), frame.image)
    head = flags_of(sitk.DICOMOrient(oriented, "LPS"))
    step = image.GetSpacing()[1]
    used = np.flatnonzero(head.any((0, 2)))
    first = int(used[0] + depth_mm / step)
    last = int(used[-1] + behind_mm / step)
    values = values_of(image)
    after = max(0, last + 1 - values.shape[1])
    values = np.pad(values, ((0, 0), (0, after), (0, 0)))[:, : last + 1]
    kept = values[:, first:].copy()
    kept[:, -first:] += values[:, :first]
    seen_twice = np.zeros(kept.shape, bool)
    seen_twice[:, -first:] = head[:, :first]
    affine = index_to_world(image)
    affine[:, 3] += affine[:, 1] * first
    return Case(
        image_of(kept, affine), IDENTITY, copy=image_of(seen_twice.astype(np.uint8), affine)
    )


def ghost_in_air(frame: Frame, strength: float) -> Case:
    """A copy moved back by the length of the head, in a field of view that shows it whole."""
    image = sitk.DICOMOrient(frame.image, "LPS")
    face = frame.head & (frame.points[1] < FACE_Y) & (frame.points[2] < BROW_Z)
    oriented = sitk.DICOMOrient(mask_like(face, frame.image), "LPS")
    head = flags_of(sitk.DICOMOrient(mask_like(frame.head, frame.image), "LPS"))
    used = np.flatnonzero(head.any((0, 2)))
    rows = int(used[-1] - used[0] + BEHIND_MM / image.GetSpacing()[1])

    wide = ((0, 0), (0, rows), (0, 0))
    values = np.pad(values_of(image).astype(np.float32), wide)
    ghosted = values + strength * np.roll(values, rows, axis=1)
    copy = np.roll(np.pad(flags_of(oriented), wide), rows, axis=1)
    affine = index_to_world(image)
    return Case(image_of(ghosted, affine), IDENTITY, copy=image_of(copy.astype(np.uint8), affine))


def void(frame: Frame, centre: Any, radius: float) -> Case:
    """No signal around metal, and a bright rim."""
    away = frame.distance(centre)
    values = np.where(away < radius, 0, frame.values)
    rim = (away >= radius) & (away < radius + 3) & frame.head
    return still(frame.made(np.where(rim, 2 * frame.white, values)))


def fat_suppressed(frame: Frame, share: float = 0.25) -> Case:
    """What is brighter than white matter outside the brain is dark."""
    fat = (frame.values > 1.1 * frame.white) & frame.head
    return still(frame.made(np.where(fat, share * frame.values, frame.values)))


def contrast(frame: Frame, levels: Any) -> Case:
    """Other levels of the tissues inside the head."""
    shares = frame.values / frame.white
    changed = np.interp(shares, TISSUES, levels) * frame.white
    noise = np.minimum(shares, 0.05) * frame.white
    return still(frame.made(np.where(frame.head, np.maximum(changed, noise), frame.values)))


def headphones(frame: Frame, apart_mm: float = 0.0, level: float = 0.5, coil: float = 0.25) -> Case:
    """Pads at both ears and the shell of a coil."""
    values = frame.values.copy()
    for x in (-8 - apart_mm, 184 + apart_mm):
        pad = frame.distance((x, 125, 95), (14, 32, 32)) < 1
        values[pad & ~frame.head] = level * frame.white
    shell = frame.distance((88, 110, 120), (125, 140, 140))
    values[(shell > 0.97) & (shell < 1.03)] = coil * frame.white
    anatomy = frame.made(np.where(frame.head, frame.values, 0))
    return Case(frame.made(values), IDENTITY, anatomy=anatomy)


def hand(frame: Frame, side: int = 1, shift: Any = (0, 0, 0), level: float = 0.8) -> Case:
    """A hand at cheek and chin."""
    middle = np.array([88, 0, 0]) + np.array(shift)
    palm = frame.distance(middle + np.array([side * 37, 12, 30]), (24, 20, 42)) < 1
    fingers = frame.distance(middle + np.array([side * 52, 20, 80]), (9, 9, 34)) < 1
    values = np.where((palm | fingers) & ~frame.head, level * frame.white, frame.values)
    anatomy = frame.made(np.where(frame.head, frame.values, 0))
    return Case(frame.made(values), IDENTITY, anatomy=anatomy)


def part(frame: Frame, axis: int, low: float, high: float) -> Case:
    """A slab of the field of view along an axis of LPS, its borders as shares of the head."""
    image = sitk.DICOMOrient(frame.image, "LPS")
    head = flags_of(sitk.DICOMOrient(mask_like(frame.head, frame.image), "LPS"))
    others = tuple(other for other in range(3) if other != 2 - axis)
    used = np.flatnonzero(head.any(others))
    length = used[-1] - used[0]
    first = int(used[0] + low * length)
    last = int(used[0] + high * length)
    slab = [slice(None)] * 3
    slab[axis] = slice(first, last)
    return still(image[tuple(slab)])


def shaded(frame: Frame, direction: Any = (0.5, 1.0, 0.0), factor: float = 4.0) -> Case:
    """A receive field from a quarter to four times."""
    offsets = (frame.points - np.reshape((88, 110, 110), (3, 1, 1, 1))) / 90
    across = (offsets * np.reshape(direction, (3, 1, 1, 1))).sum(0)
    field = np.exp(np.log(factor) * np.clip(across, -1, 1))
    return still(frame.made(frame.values * field))


def kinds(image: Any, truth: Any, brain: Any, template: Template) -> dict[str, Callable[[], Case]]:
    """All kinds of a head by their names."""
    frame = Frame.of(image, truth, template)
    made: dict[str, Callable[[], Case]] = {}
    for size, share in CHILDREN:
        name = f"child {size:.2f}, face -{share:.0%}"
        made[name] = lambda size=size, share=share: child(frame, brain, size, share)
    for name, levels in CONTRASTS.items():
        made[name] = lambda levels=levels: contrast(frame, levels)
    return made | {
        "lesion 60 ml dark": lambda: lesion(frame, 60, 0.2),
        "lesion 30 ml bright": lambda: lesion(frame, 30, 1.8),
        "cavity": lambda: cavity(frame),
        "craniotomy": lambda: craniotomy(frame),
        "large ventricles": lambda: ventricles(frame),
        "ghost 30 %": lambda: ghost(frame, 1, 0.3),
        "ghost 15 %": lambda: ghost(frame, 2, 0.15),
        "ghost 10 % in air": lambda: ghost_in_air(frame, 0.1),
        "ghost 30 % in air": lambda: ghost_in_air(frame, 0.3),
        "wrap 6 mm": lambda: wrap(frame, 6),
        "wrap 15 mm": lambda: wrap(frame, 15),
        "wrap 40 mm": lambda: wrap(frame, 40, 50),
        "void at the teeth": lambda: void(frame, (88, 35, 35), 32),
        "void at the orbit": lambda: void(frame, (118, 30, 105), 26),
        "fat suppressed": lambda: fat_suppressed(frame),
        "headphones, coil": lambda: headphones(frame),
        "hand at the face": lambda: hand(frame),
        "upper third": lambda: part(frame, 2, 0.67, 1.0),
        "middle third": lambda: part(frame, 0, 0.33, 0.67),
        "front third": lambda: part(frame, 1, 0.0, 0.34),
        "8 mm sagittal": lambda: still(thick(image, 0, 8.0)),
        "8 mm coronal": lambda: still(thick(image, 1, 8.0)),
        "shading x1/4 to x4": lambda: shaded(frame),
    }


CHILDREN = (
    (1.1, 0.0),
    (0.95, 0.1),
    (0.9, 0.1),
    (0.85, 0.0),
    (0.85, 0.2),
    (0.8, 0.1),
    (0.76, 0.15),
    (0.71, 0.2),
)
"""Sizes of heads, and how much smaller the lower face is than that."""
