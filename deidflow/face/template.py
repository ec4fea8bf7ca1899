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

from deidflow.face.affine import Array, index_to_world
from deidflow.face.register import Target
from deidflow.face.template_regions import (
    PAD_HIGH,
    PAD_LOW,
    brain_mask,
    distance_to,
    extended_region,
    points_of,
)
from deidflow.face.tomography import label_image
from deidflow.face.volume import (
    Image,
    flattened_ranks,
    head_centres,
    head_mask,
    image_of,
    like,
    nearest,
    on_even_grid,
    window,
)
from deidflow.store.files import digest_of

TEMPLATE_VERSION = "7"


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
    points: dict[str, Array]
    """World points of `brain`, `face`, `surface`, `head` and of the shell `outer` around the head."""


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
    image = sitk.DICOMOrient(
        sitk.ReadImage(str(data / "mean_reg2mean.nii.gz"), sitk.sitkFloat32), "LPS"
    )
    region = sitk.DICOMOrient(sitk.ReadImage(str(data / "facemask.nii.gz"), sitk.sitkUInt8), "LPS")
    original = sitk.ZeroFluxNeumannPad(region, PAD_LOW, PAD_HIGH)
    brain = brain_mask(image)
    removed = extended_region(
        sitk.GetArrayFromImage(original) == 0, sitk.ConstantPad(brain, PAD_LOW, PAD_HIGH, 0), ears
    )
    two, four = window(on_even_grid(image, 2.0)), window(on_even_grid(image, 4.0))
    head, small_brain = head_mask(two), nearest(brain, two)
    centre = head_centres(four)[0]
    if centre is None:
        raise ValueError("the template has no head")
    return Template(
        plain=_target(two, centre),
        ranked=_target(flattened_ranks(two), centre),
        labels=_target(label_image(head, small_brain), centre),
        head=head_mask(four),
        brain=small_brain,
        original=original,
        distance=distance_to(like(removed.astype(np.uint8), original)),
        points=points_of(two, region, brain),
    )


def _target(two: Image, centre: Array) -> Target:
    fine = on_even_grid(two, 4.0)
    return Target(fine, on_even_grid(fine, 8.0), centre)


_IMAGES = (
    "plain_fine", "plain_coarse", "ranked_fine", "ranked_coarse", "labels_fine", "labels_coarse",
    "head", "brain", "original", "distance",
)  # fmt: skip


def _pack(template: Template) -> dict[str, NDArray[Any]]:
    packed = {f"points_{name}": points for name, points in template.points.items()}
    packed["centre"] = template.plain.centre
    for name in _IMAGES:
        image = _image_of(template, name)
        packed[f"{name}_values"] = sitk.GetArrayFromImage(image)
        packed[f"{name}_affine"] = index_to_world(image)
    return packed


def _image_of(template: Template, name: str) -> Image:
    target, _, scale = name.partition("_")
    found = getattr(template, target)
    return getattr(found, scale) if scale else found


def _unpack(stored: dict[str, NDArray[Any]]) -> Template:
    images = {
        name: image_of(stored[f"{name}_values"], stored[f"{name}_affine"]) for name in _IMAGES
    }
    targets = {
        name: Target(images[f"{name}_fine"], images[f"{name}_coarse"], stored["centre"])
        for name in ("plain", "ranked", "labels")
    }
    points = {
        name.removeprefix("points_"): values
        for name, values in stored.items()
        if name.startswith("points_")
    }
    others = {name: images[name] for name in ("head", "brain", "original", "distance")}
    return Template(**targets, **others, points=points)
