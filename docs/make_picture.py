"""Make docs/before_after.png: a head of the demo, before and after, in planes and from outside.

Run it after `make demo`: .venv/bin/python docs/make_picture.py demo
"""

from __future__ import annotations

import sys
from pathlib import Path

import nibabel
import numpy as np
from PIL import Image

SIZE = 220


def main(demo: Path) -> None:
    """The demo's second session: what was converted in the vault, and what was released."""
    after = next(iter(sorted((demo / "release").glob("P*/M06/*-MR/defaced.nii.gz"))))
    subject, session, series = after.parts[-4:-1]
    before = (
        demo
        / "vault"
        / "work"
        / "default-high"
        / subject
        / session
        / "convert"
        / series
        / "image.nii.gz"
    )
    rows = [row(volume(path)) for path in (before, after)]
    Image.fromarray(np.vstack(rows)).save(Path(__file__).with_name("before_after.png"))


def volume(path: Path) -> np.ndarray:
    """A NIfTI as an array with axes right to left, back to front, low to high."""
    return np.asarray(nibabel.as_closest_canonical(nibabel.load(path)).dataobj, float)


def row(head: np.ndarray) -> np.ndarray:
    """Sagittal plane, axial plane, and the surface seen from the front and the side."""
    top = np.percentile(head, 99.5)
    middle = head.shape[0] // 2
    planes = [head[middle].T[::-1, ::-1], head[:, :, int(head.shape[2] * 0.42)].T[::-1]]
    shaded = [surface(head > 0.2 * top, axis) for axis in (1, 0)]
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
    scale = SIZE / max(image.size)
    image = image.resize((round(image.width * scale), round(image.height * scale)))
    square = Image.new("L", (SIZE, SIZE))
    square.paste(image, ((SIZE - image.width) // 2, (SIZE - image.height) // 2))
    return np.asarray(square)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
