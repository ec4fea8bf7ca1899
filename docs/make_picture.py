"""Make docs/before_after.png: the average head of the demo, before and after, in planes and from outside.

Run it after `make demo`: .venv/bin/python docs/make_picture.py demo/release
"""

from __future__ import annotations

import sys
from pathlib import Path

import nibabel
import numpy as np
from PIL import Image

from deidflow.demo.head import average_head

SIZE = 220


def main(release: Path) -> None:
    """Take the first whole head of the release, and the average head as what it looked like before."""
    after = volume(next(iter(sorted(release.glob("P*/M06/*-MR/defaced.nii.gz")))))
    before = np.flip(np.transpose(np.asarray(_average()), (2, 1, 0)), (0, 1))
    rows = [row(np.ascontiguousarray(before), 0.98), row(after, 2.0)]
    Image.fromarray(np.vstack(rows)).save(Path(__file__).with_name("before_after.png"))


def _average() -> np.ndarray:
    import SimpleITK as sitk

    return sitk.GetArrayFromImage(average_head())


def volume(path: Path) -> np.ndarray:
    """A NIfTI as an array with axes right to left, back to front, low to high."""
    return np.asarray(nibabel.as_closest_canonical(nibabel.load(path)).dataobj, float)


def row(head: np.ndarray, spacing: float) -> np.ndarray:
    """Sagittal plane, axial plane, and the surface seen from the front and the side."""
    top = np.percentile(head, 99.5)
    middle = head.shape[0] // 2
    planes = [head[middle].T[::-1, ::-1], head[:, :, int(head.shape[2] * 0.42)].T[::-1]]
    shaded = [surface(head > 0.12 * top, axis) for axis in (1, 0)]
    pictures = [np.clip(plane / top, 0, 1) for plane in planes] + shaded
    return np.hstack([fitted(picture) for picture in pictures])


def surface(mask: np.ndarray, axis: int) -> np.ndarray:
    """First hits along an axis from the front or the right, shaded by their slope."""
    seen = np.flip(mask, 1) if axis == 1 else np.flip(mask, 0)
    depth = np.where(seen.any(axis), seen.argmax(axis), np.nan).astype(float)
    slope = np.gradient(depth)
    light = 1 / np.sqrt(1 + slope[0] ** 2 + slope[1] ** 2)
    picture = np.nan_to_num(light).T[::-1]
    return picture if axis == 1 else picture[:, ::-1]


def fitted(picture: np.ndarray) -> np.ndarray:
    """Scaled into a square."""
    image = Image.fromarray((255 * np.clip(picture, 0, 1)).astype(np.uint8))
    image.thumbnail((SIZE, SIZE))
    square = Image.new("L", (SIZE, SIZE))
    square.paste(image, ((SIZE - image.width) // 2, (SIZE - image.height) // 2))
    return np.asarray(square)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
