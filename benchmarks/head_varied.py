"""Kinds of heads with strengths, sides and directions drawn at random, one by itself or two at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import head_kinds as kinds
import numpy as np
from head_changes import Case, rotated, still, thick, turned, with_noise
from head_frame import BRAIN, Frame

from deidflow.face.affine import IDENTITY, compose, index_to_world
from deidflow.face.template import Template
from deidflow.face.volume import centre_of_view, image_of

Draw = np.random.Generator
Make = Callable[[Frame, Draw], Case]
CONTRASTS = tuple(kinds.CONTRASTS.values())


def direction(draw: Draw) -> Any:
    """A unit vector to the upper part of the head."""
    vector = draw.normal(size=3)
    vector[2] = abs(vector[2])
    return vector / np.linalg.norm(vector)


def child(brain: Any, frame: Frame, draw: Draw) -> Case:
    """A head of 0.7 to 1.1 of an adult's, its lower face smaller by up to a fifth."""
    return kinds.child(frame, brain, draw.uniform(0.7, 1.12), draw.uniform(0, 0.2))


def lesion(frame: Frame, draw: Draw) -> Case:
    """A dark or bright ball of 10 to 70 ml, anywhere in the brain."""
    level = draw.choice([draw.uniform(0, 0.4), draw.uniform(1.5, 2.2)])
    centre = BRAIN + direction(draw) * draw.uniform(10, 50)
    return kinds.lesion(frame, draw.uniform(10, 70), level, centre)


def cavity(frame: Frame, draw: Draw) -> Case:
    """A hole from the brain to the skin."""
    centre = BRAIN + direction(draw) * draw.uniform(45, 60)
    return kinds.cavity(frame, centre, draw.uniform(16, 28, 3))


def craniotomy(frame: Frame, draw: Draw) -> Case:
    """A sunken part of the skull."""
    return kinds.craniotomy(frame, direction(draw), draw.uniform(8, 22))


def ventricles(frame: Frame, draw: Draw) -> Case:
    """Large ventricles, dark or (T2) bright."""
    level = draw.choice([draw.uniform(0.1, 0.4), draw.uniform(1.4, 2)])
    return kinds.ventricles(frame, level, draw.uniform(0.7, 1.2))


def ghost(frame: Frame, draw: Draw) -> Case:
    """One to three copies of the head on itself along any axis."""
    axis, values = int(draw.integers(3)), frame.values
    ghosted = values.copy()
    for _ in range(draw.integers(1, 4)):
        shift = int(draw.uniform(0.1, 0.9) * values.shape[axis])
        ghosted += draw.uniform(0.08, 0.32) * np.roll(values, shift, axis)
    return still(frame.made(ghosted))


def ghost_in_air(frame: Frame, draw: Draw) -> Case:
    """A copy beside the head along any axis, in a field of view that shows it whole."""
    return ghosted_beside(
        frame,
        axis=int(draw.integers(3)),
        sign=int(draw.choice([-1, 1])),
        gap_mm=draw.uniform(-20, 25),
        strength=draw.uniform(0.08, 0.3),
    )


def ghosted_beside(frame: Frame, axis: int, sign: int, gap_mm: float, strength: float) -> Case:
    """A copy beside the head along an axis of the array, on the side of `sign`."""
    head, values = frame.head, frame.values
    used = np.flatnonzero(head.any(tuple(other for other in range(3) if other != axis)))
    step = frame.image.GetSpacing()[2 - axis]
    rows = sign * int(used[-1] - used[0] + gap_mm / step)
    face = head & (frame.points[1] < kinds.FACE_Y) & (frame.points[2] < kinds.BROW_Z)

    width = [(0, 0)] * 3
    width[axis] = (0, rows) if rows > 0 else (-rows, 0)
    values = np.pad(values, width)
    copy = np.roll(np.pad(face, width), rows, axis)
    affine = index_to_world_from(frame, axis, -width[axis][0])
    ghosted = values + strength * np.roll(values, rows, axis)
    return Case(
        image_of(ghosted.astype(np.float32), affine),
        IDENTITY,
        anatomy=image_of(values, affine),
        copy=image_of(copy.astype(np.uint8), affine),
    )


def index_to_world_from(frame: Frame, axis: int, first: int) -> Any:
    """The grid of a frame, beginning at a voxel along an axis of the array."""
    affine = index_to_world(frame.image)
    affine[:, 3] += affine[:, 2 - axis] * first
    return affine


def wrap(frame: Frame, draw: Draw) -> Case:
    """A field of view that ends in the head at any side, half of them at the nose."""
    axis, at_low = int(draw.integers(3)), bool(draw.integers(2))
    if draw.integers(2):
        axis, at_low = 1, True
    return folded(
        frame, axis, at_low=at_low, depth_mm=draw.uniform(4, 30), beyond_mm=draw.uniform(5, 40)
    )


def folded(frame: Frame, axis: int, *, at_low: bool, depth_mm: float, beyond_mm: float) -> Case:
    """A head cut at one side of an array's axis (z, y, x), what is cut folded to the other side.

    The field of view ends `beyond_mm` after the head there.
    """
    head = frame.head
    used = np.flatnonzero(head.any(tuple(other for other in range(3) if other != axis)))
    step = frame.image.GetSpacing()[2 - axis]
    cut, air = round(depth_mm / step), round(beyond_mm / step)
    first, last = used[0] + cut, used[-1] + 1 + air
    if not at_low:
        first, last = used[0] - air, used[-1] + 1 - cut
    face = head & (frame.points[1] < kinds.FACE_Y) & (frame.points[2] < kinds.BROW_Z)
    values, copy = (
        _folded(one, axis, first, last) for one in (frame.values, face.astype(np.uint8))
    )
    in_place = _folded(face.astype(np.uint8), axis, first, last, add=False)
    affine = index_to_world_from(frame, axis, int(first))
    seen_twice = (copy > in_place).astype(np.uint8)
    anatomy = _folded(frame.values, axis, first, last, add=False)
    return Case(
        image_of(values, affine),
        IDENTITY,
        anatomy=image_of(anatomy, affine),
        copy=image_of(seen_twice, affine),
    )


def _folded(values: Any, axis: int, first: int, last: int, *, add: bool = True) -> Any:
    """The part from first to last along an axis, with all that lies beyond it added periodically."""
    length = last - first
    count = values.shape[axis]
    before, after = max(0, -first), max(0, last - count)
    width = [(0, 0)] * 3
    width[axis] = (before, after)
    padded = np.moveaxis(np.pad(values, width), axis, 0)
    first += before
    kept = padded[first : first + length].copy()
    if add:
        for index in (*range(first), *range(first + length, len(padded))):
            kept[(index - first) % length] += padded[index]
    return np.moveaxis(kept, 0, axis)


def void(frame: Frame, draw: Draw) -> Case:
    """Metal at teeth, an orbit or an ear."""
    side = draw.choice([-1, 1])
    centre = (
        (88 + draw.uniform(-20, 20), 35, 35),
        (88 + side * 30, 30, 105),
        (88 + side * 72, 125, 95),
    )[draw.integers(3)]
    return kinds.void(frame, centre, draw.uniform(18, 42))


def fat_suppressed(frame: Frame, draw: Draw) -> Case:
    """Fat dark, as far as air."""
    return kinds.fat_suppressed(frame, draw.uniform(0.05, 0.4))


def contrast(frame: Frame, draw: Draw) -> Case:
    """Levels between those of two contrasts."""
    first, second = draw.choice(len(CONTRASTS), 2)
    share = draw.uniform(0, 1)
    return kinds.contrast(
        frame, share * np.array(CONTRASTS[first]) + (1 - share) * np.array(CONTRASTS[second])
    )


def headphones(frame: Frame, draw: Draw) -> Case:
    """Pads near or at the ears, and a coil."""
    return kinds.headphones(
        frame, draw.uniform(0, 12), draw.uniform(0.3, 0.9), draw.uniform(0.1, 0.4)
    )


def hand(frame: Frame, draw: Draw) -> Case:
    """A hand at either cheek, at or near the skin."""
    side = int(draw.choice([-1, 1]))
    shift = np.array([0, draw.uniform(-12, 6), draw.uniform(-15, 25)])
    return kinds.hand(frame, side, shift, draw.uniform(0.5, 1.1))


def part(frame: Frame, draw: Draw) -> Case:
    """A part of the head: a third to two thirds of its length along any axis."""
    axis, length = int(draw.integers(3)), draw.uniform(0.33, 0.67)
    low = draw.uniform(0, 1 - length)
    return kinds.part(frame, axis, low, low + length)


def thick_slices(frame: Frame, draw: Draw) -> Case:
    """Slices of 6 to 9 mm across any axis."""
    return still(thick(frame.image, int(draw.integers(3)), draw.uniform(6, 9)))


def shaded(frame: Frame, draw: Draw) -> Case:
    """A receive field of factor 3 to 4 each way in any direction."""
    vector = draw.normal(size=3)
    return kinds.shaded(frame, vector / np.linalg.norm(vector), draw.uniform(3, 4.2))


def families(brain: Any) -> dict[str, tuple[Make, str]]:
    """Every kind by its name, and how it is changed further; `brain` is that of the whole head."""
    of_child = partial(child, brain)
    return {
        "child": (of_child, ""),
        "lesion": (lesion, ""),
        "cavity": (cavity, ""),
        "craniotomy": (craniotomy, ""),
        "ventricles": (ventricles, ""),
        "ghost": (ghost, ""),
        "ghost in air": (ghost_in_air, ""),
        "wrap": (wrap, ""),
        "void": (void, ""),
        "fat suppressed": (fat_suppressed, ""),
        "contrast": (contrast, ""),
        "headphones": (headphones, ""),
        "hand": (hand, ""),
        "part": (part, ""),
        "thick": (thick_slices, ""),
        "shading": (shaded, ""),
        "child, turned": (of_child, "turned"),
        "child, thick": (of_child, "thick"),
        "contrast, noise": (contrast, "noise"),
        "fat suppressed, turned": (fat_suppressed, "turned"),
        "lesion, thick": (lesion, "thick"),
        "hand, noise": (hand, "noise"),
        "void, turned": (void, "turned"),
    }


def varied(
    image: Any, truth: Any, brain: Any, template: Template, seed: int
) -> dict[str, Callable[[], Case]]:
    """One head of every kind, its strength, side and direction by a seed."""
    frame = Frame.of(image, truth, template)
    made: dict[str, Callable[[], Case]] = {}
    for number, (name, (make, how)) in enumerate(families(brain).items()):
        made[name] = partial(drawn, make, how, frame, (seed, number))
    return made


def drawn(make: Make, how: str, frame: Frame, seed: tuple[int, int]) -> Case:
    """One head of a kind."""
    draw = np.random.default_rng(seed)
    case = make(frame, draw)
    return changed(case, how, draw) if how else case


def changed(case: Case, how: str, draw: Draw) -> Case:
    """A case that is turned in the scanner as well, or noisy, or of thick slices."""
    if how == "noise":
        return replace(case, image=with_noise(case.image))
    if how == "thick":
        return replace(case, image=thick(case.image, int(draw.integers(3))))
    turn = rotated(*draw.uniform(-20, 20, 3), centre_of_view(case.image))
    moved = [
        turned(one, turn).image if one is not None else None
        for one in (case.anatomy, case.brain, case.copy)
    ]
    return Case(turned(case.image, turn).image, compose(turn, case.motion), *moved)
