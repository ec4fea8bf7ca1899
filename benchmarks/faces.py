"""Faces on perturbed heads: what the gate lets through, what of the face is left, and CPU seconds.

    python benchmarks/faces.py [FOLDER_OF_A_HEAD_SERIES ...]

Two warped average heads, and the largest series of every folder given. Truth is the registration of
the unperturbed head with the known motion. Beside ours, pydeface with FSL's flirt where FSL is
there.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import SimpleITK as sitk
from facecheck import Checker, Left, head_of

from deidflow.demo.head import warped_head
from deidflow.face.affine import IDENTITY, apply, compose, index_to_world, inverse
from deidflow.face.anchor import anchor_of
from deidflow.face.candidate import Registered, attempt
from deidflow.face.engine_installed import find_flirt
from deidflow.face.engines import TemplateEngine
from deidflow.face.grids import nearest, shrink
from deidflow.face.heads import head_mask
from deidflow.face.intensities import window
from deidflow.face.series import About, HeadSeries
from deidflow.face.session import Carrier
from deidflow.face.template import Template, load_template, prepare_template, template_path
from deidflow.face.volume import image_of, like
from deidflow.identity.workorder import FileOrder, SeriesOrder, WorkOrder
from deidflow.settings.face import DefaceSettings
from deidflow.steps.volumes import read_volumes

RECORDED = "recorded, not measured here: pydeface with flirt 97 CPU s (47 to 257), 21 to 27 % of the front skin left"
SETTINGS = DefaceSettings()


@dataclass(frozen=True)
class Case:
    """A head as it was changed, and how it was moved (old world -> new world)."""

    image: Any
    motion: Any


def rotated(pitch: float, roll: float, yaw: float, centre: Any) -> Any:
    """A rotation about the axes of LPS, in degrees."""
    turn = sitk.Euler3DTransform()
    turn.SetRotation(*np.deg2rad([pitch, roll, yaw]).tolist())
    linear = np.array(turn.GetMatrix()).reshape(3, 3)
    return np.hstack([linear, (centre - linear @ centre)[:, None]])


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
    pad = [int(25 / step) for step in image.GetSpacing()]
    grid = sitk.ConstantPad(image, pad, pad, 0.0)
    return Case(
        sitk.Resample(image, grid, transform, sitk.sitkLinear, 0.0, sitk.sitkFloat32), motion
    )


def still(image: Any) -> Case:
    """A change of the picture, not of the place."""
    return Case(image, IDENTITY)


def cut_below(image: Any, height: float) -> Any:
    """Without what lies below a height of the world."""
    affine = index_to_world(image)
    axis = int(np.abs(affine[2, :3]).argmax())
    middle = (np.array(image.GetSize()) - 1) / 2
    index = round(middle[axis] + (height - (affine @ [*middle, 1])[2]) / affine[2, axis])
    low, high = [0, 0, 0], [0, 0, 0]
    if affine[2, axis] > 0:
        low[axis] = max(0, index)
    else:
        high[axis] = max(0, image.GetSize()[axis] - 1 - index)
    return sitk.Crop(image, low, high)


def thick(image: Any, axis: int, thickness: float = 6.0) -> Any:
    """Slices of 6 mm along a world axis."""
    index = int(np.abs(index_to_world(image)[axis, :3]).argmax())
    factors = [1, 1, 1]
    factors[index] = max(1, round(thickness / image.GetSpacing()[index]))
    return sitk.BinShrink(image, factors)


def with_field(image: Any, centre: Any) -> Any:
    """A strong receive field."""
    z, y, x = np.indices(image.GetSize()[::-1], sparse=True)
    affine = index_to_world(image)
    world = [
        affine[k, 0] * x + affine[k, 1] * y + affine[k, 2] * z + affine[k, 3] for k in range(3)
    ]
    right, back, up = ((one - middle) / 90 for one, middle in zip(world, centre, strict=True))
    field = np.exp(np.clip(0.9 * back + 0.5 * right * up - 0.5 * up, -2, 2))
    return like((sitk.GetArrayFromImage(image) * field).astype(np.float32), image)


def with_noise(image: Any) -> Any:
    """Rician noise at a signal of 8."""
    values, generator = sitk.GetArrayFromImage(image), np.random.default_rng(1)
    level = float(np.median(values[values > np.percentile(values, 60)])) / 8
    noise = generator.normal(0, level, (2, *values.shape))
    return like(np.hypot(values + noise[0], noise[1]).astype(np.float32), image)


def inverted(image: Any) -> Any:
    """What is bright in the head is dark."""
    head = sitk.GetArrayFromImage(nearest(head_mask(window(shrink(image, 2.0))), image)) > 0
    values = sitk.GetArrayFromImage(image)
    top = np.percentile(values[head], 99) * 1.05
    return like(
        np.where(head, np.maximum(top - values, 0.05 * top), values).astype(np.float32), image
    )


def in_field(image: Any, size: float = 400.0) -> Any:
    """In a large empty field."""
    pad = [
        max(0, int((size / step - count) / 2))
        for step, count in zip(image.GetSpacing(), image.GetSize(), strict=True)
    ]
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
        "turned": lambda: turned(image, rotated(18, -12, 20, centre)),
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
            resampled(image, rotated(25, 10, -15, centre)), centre
        ),
        "turned, 6 mm": lambda: _thicker(resampled(image, rotated(-20, 10, 20, centre))),
    }


def _chain(case: Case, centre: Any) -> Case:
    return Case(with_noise(with_field(case.image, centre)), case.motion)


def _thicker(case: Case) -> Case:
    return Case(thick(case.image, 2), case.motion)


def head_in(folder: Path) -> Any:
    """The largest stack of the largest series below a folder."""
    found: dict[str, list[Path]] = {}
    for path in sorted(one for one in folder.rglob("*") if one.is_file()):
        try:
            header = pydicom.dcmread(path, stop_before_pixels=True)
        except pydicom.errors.InvalidDicomError:
            continue
        found.setdefault(str(header.get("SeriesInstanceUID")), []).append(path)
    paths = max(found.values(), key=len)
    files = tuple(
        FileOrder(str(one), hashlib.sha256(one.read_bytes()).hexdigest()) for one in paths
    )
    order = WorkOrder("P001", "/", "", 0, (), ())
    with tempfile.TemporaryDirectory() as scratch:
        return read_volumes(
            order, SeriesOrder("001-MR", "MR", False, False, files), Path(scratch)
        ).main


def measured(
    case: Case, truth: Any, head: Any, brain: Any, checker: Checker, template: Template
) -> tuple[str, Any, float]:
    """How a case ended: state or refusal, what is left, CPU seconds of registration and gate."""
    series = HeadSeries(
        "001-MR", (case.image,), "M", About("MR"), resolution_mm=max(case.image.GetSpacing())
    )
    start = time.process_time()
    outcome = attempt(series, template, SETTINGS)
    used = time.process_time() - start
    if not isinstance(outcome, Registered):
        return f"refused: {outcome.detail}", None, used
    anchor = anchor_of(outcome, lambda one: TemplateEngine().face(one, template), SETTINGS)
    mask = (
        Carrier.of(anchor, template, SETTINGS, lambda one: anchor.face, ()).plan_for(series).mask()  # noqa: ARG005
    )
    moved = compose(truth, inverse(case.motion))
    grid = image_of(sitk.GetArrayFromImage(head), compose(case.motion, index_to_world(head)))
    moved_brain = image_of(
        sitk.GetArrayFromImage(brain), compose(case.motion, index_to_world(brain))
    )
    seen = sitk.GetArrayFromImage(grid) * _in_view(case.image, grid)
    removed = like((mask.on(grid)).astype(np.uint8), grid)
    return outcome.state, checker.left(like(seen, grid), removed, moved, moved_brain), used


def _in_view(image: Any, grid: Any) -> Any:
    """1 where a grid lies in the field of view of an image."""
    ones = like(np.ones(image.GetSize()[::-1], np.uint8), image)
    return sitk.GetArrayFromImage(nearest(ones, grid))


def heads(folders: list[Path]) -> Iterator[tuple[str, Any]]:
    """Two made-up heads, and those in the folders."""
    yield from ((f"warped average {seed}", warped_head(seed)) for seed in (5, 8))
    yield from ((folder.name, head_in(folder)) for folder in folders)


def peer(image: Any) -> str:
    """pydeface on the same head, or what was recorded of it."""
    if find_flirt() is None:
        return RECORDED
    with tempfile.TemporaryDirectory() as folder:
        affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ np.vstack([index_to_world(image), [0, 0, 0, 1]])
        nibabel.save(
            nibabel.Nifti1Image(sitk.GetArrayFromImage(image).transpose(2, 1, 0), affine),
            f"{folder}/i.nii.gz",
        )
        command = [
            sys.executable,
            "-m",
            "deidflow.face.run_pydeface",
            f"{folder}/i.nii.gz",
            f"{folder}/m.nii.gz",
        ]
        before = os.times()
        subprocess.run(command, check=True, capture_output=True)
        after = os.times()
    return f"pydeface {after.children_user - before.children_user:.1f} CPU s"


def main(folders: list[Path]) -> None:
    """Print one line a case and the sums."""
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    with tempfile.TemporaryDirectory() as cache:
        path = template_path(Path(cache), ears=True)
        prepare_template(str(path), True)
        template = load_template(path)
    checker, rows = Checker(), []
    for name, image in heads(folders):
        known = attempt(HeadSeries(name, (image,), "M", About("MR")), template, SETTINGS)
        if not isinstance(known, Registered):
            print(f"{name}: refused as it is: {known.detail}")
            continue
        print(f"{name}: {peer(image)}")
        head = head_of(shrink(image, 2.0))
        for change, make in cases(image, known.affine, template).items():
            state, left, used = measured(
                make(), known.affine, head, known.brain.mask, checker, template
            )
            rows.append((state, left, used))
            print(f"{name:28} {change:22} {used:5.1f} s  {state:28} {_words(left)}", flush=True)
    _sums(rows)


def _words(left: Left | None) -> str:
    return (
        ""
        if left is None
        else f"{left.share:6.1%} of {left.rays} rays left, {left.brain_ml:.2f} ml of brain"
    )


def _sums(rows: list[tuple[str, Left | None, float]]) -> None:
    accepted = [left for _, left, _ in rows if left is not None]
    good = sum(left.share <= 0.05 or left.rays < 100 for left in accepted)
    harmful = sum(
        (left.share > 0.10 and left.rays >= 100) or left.brain_ml > 0.5 for left in accepted
    )
    seconds = sorted(used for _, _, used in rows)
    print(f"{len(rows)} cases: {good / len(rows):.1%} accepted with at most 5 % left;")
    print(f"{harmful} accepted with more than 10 % left or 0.5 ml of brain;")
    print(f"CPU s median {seconds[len(seconds) // 2]:.1f}, most {seconds[-1]:.1f}")


if __name__ == "__main__":
    main([Path(one) for one in sys.argv[1:]])
