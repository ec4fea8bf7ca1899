"""Text in pixels: how much of it is found, and what is held back without cause.

Lines with identifiers of made-up people are drawn into images in many fonts, sizes, contrasts,
places (edges and corners too), directions, bit depths, photometric interpretations and
compressions, and read as the step `inspect` reads them. A
line is found if it would hold its series back. Then come volumes that look like anatomy and show no
text, and the series of a folder, if one is given: each that would be held is a false alarm, or
shows text.

    python benchmarks/burned.py [FOLDER_WITH_DICOM] [--images 300] [--volumes 120] [--seed 1]
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from burned_forms import (
    data_set,
    grey_8,
    inverted_12,
    jpeg,
    jpeg_2000,
    one_of_many,
    palette,
    red_green_blue,
    signed_16,
    with_hot_pixels,
)
from burned_lines import all_fonts, draw
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from scipy import ndimage

from deidflow.burned.series import Manner, SeriesText, frames_of, read_series
from deidflow.burned.wording import PAGE, VOLUME, Meaning, Surroundings, meaning_of
from deidflow.errors import Withheld
from deidflow.header.text import Scrubber

NOBODY = Scrubber.of([])
"""The worst case: text of people whom the header does not name."""
Cells = NDArray[Any]


# forms of pixel data


FORMS: tuple[Callable[[Cells], Dataset], ...] = (
    grey_8,
    inverted_12,
    signed_16,
    with_hot_pixels,
    red_green_blue,
    palette,
    one_of_many,
    jpeg,
    jpeg_2000,
)


# reading


def read(source: Dataset, manner: Manner, scratch: Path) -> SeriesText:
    """What is read in a data set."""
    count = int(source.get("NumberOfFrames") or 1)
    return read_series(frames_of(source, (), 0, scratch), count, manner)


def holds(text: SeriesText, around: Surroundings) -> list[str]:
    """The lines that would hold a series back."""
    return [
        line.text for line in text.lines if meaning_of(line, NOBODY, around) is not Meaning.HARMLESS
    ]


def measure_found(images: int, chance: random.Random, scratch: Path) -> None:
    """Print how many lines are found, by the form of the pixels."""
    fonts = all_fonts()
    found: Counter[str] = Counter()
    drawn: Counter[str] = Counter()
    started = time.process_time()
    for number in range(images):
        form = FORMS[number % len(FORMS)]
        line = draw(chance, fonts)
        name = form.__name__
        drawn[name] += 1
        if holds(read(form(line.grey), Manner.EACH, scratch), PAGE):
            found[name] += 1
        else:
            print(f"  missed: {name}, {line.about}, {line.text!r}")
    seconds = time.process_time() - started
    for name, count in drawn.items():
        print(f"  {name:16} {found[name]:4} of {count}")
    share = 100 * sum(found.values()) / images
    print(f"found {share:.1f} % of {images}, {seconds / images:.2f} CPU s an image")


# no text


def anatomy(number: int, generator: np.random.Generator) -> Dataset:
    """A volume of smooth organs, bright rims, vessels and noise, as MR or CT."""
    side = int(generator.choice([128, 192, 256, 384, 512]))
    slices = int(generator.integers(8, 32))
    texture = generator.normal(size=(slices, side, side))
    coarse = ndimage.gaussian_filter(texture, (2, side / 14, side / 14))
    fine = ndimage.gaussian_filter(texture, (1, side / 60, side / 60))
    rows, columns = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    radius = np.hypot(rows / generator.uniform(0.6, 0.9), columns / generator.uniform(0.5, 0.9))
    body = radius < 1
    rim = (radius > 0.86) & (radius < 0.96)
    tissue = 300 + 120 * (coarse / coarse.std() > 0.4) + 60 * fine / fine.std()
    values = np.where(body, tissue, 0.0) + np.where(rim, generator.uniform(200, 1500), 0.0)
    vessels = fine / fine.std() > 2.2
    values += np.where(vessels & body, generator.uniform(100, 900), 0.0)
    noisy = values + generator.normal(0, generator.uniform(5, 90), values.shape)
    if number % 2:
        cells = np.abs(noisy)
        return data_set(np.clip(cells, 0, 4095).astype("<u2")[..., None], "MONOCHROME2", 12)
    cells = np.clip(noisy - 1000, -1024, 3071).astype("<i2")
    return data_set(cells[..., None], "MONOCHROME2", 16, signed=True)


def measure_held(volumes: int, seed: int, scratch: Path) -> None:
    """Print how many volumes without text would be held."""
    generator = np.random.default_rng(seed)
    held = 0
    started = time.process_time()
    for number in range(volumes):
        lines = holds(read(anatomy(number, generator), Manner.PROJECTION, scratch), VOLUME)
        if lines:
            held += 1
            print(f"  held: {lines}")
    seconds = time.process_time() - started
    print(f"held {held} of {volumes} volumes, {seconds / volumes:.2f} CPU s a volume")


def series_of(folder: Path) -> dict[tuple[str, str], list[Path]]:
    """Files by series and size, of CT, MR and PET."""
    series: dict[tuple[str, str], list[Path]] = {}
    for path in sorted(folder.rglob("*")):
        try:
            header = pydicom.dcmread(path, stop_before_pixels=True)
        except (OSError, pydicom.errors.InvalidDicomError, ValueError, NotImplementedError):
            continue
        if header.get("Modality") in ("CT", "MR", "PT") and "Rows" in header:
            key = str(header.get("SeriesInstanceUID")), f"{header.Rows} x {header.Columns}"
            series.setdefault(key, []).append(path)
    return series


def frames_in(paths: list[Path], scratch: Path) -> Iterator[Any]:
    """The frames of some files."""
    for path in paths:
        source = pydicom.dcmread(path)
        if "PixelData" in source:
            yield from frames_of(source, (), 0, scratch)


def measure_folder(folder: Path, scratch: Path) -> None:
    """Print which series of a folder would be held, and where their first file is."""
    series = series_of(folder)
    held = 0
    unread = 0
    for paths in series.values():
        try:
            text = read_series(frames_in(paths, scratch), 10**6, Manner.PROJECTION)
        except (Withheld, ValueError, KeyError, AttributeError):
            unread += 1
            continue
        lines = holds(text, VOLUME)
        if lines:
            held += 1
            print(f"  held: {paths[0].relative_to(folder)}: {lines[:4]}")
    print(f"held {held} of {len(series)} series, {unread} cannot be decoded")


def main() -> None:
    """Run what the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--images", type=int, default=300)
    parser.add_argument("--volumes", type=int, default=120)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        if asked.images:
            measure_found(asked.images, random.Random(asked.seed), scratch)
        if asked.volumes:
            measure_held(asked.volumes, asked.seed, scratch)
        if asked.folder:
            measure_folder(asked.folder, scratch)


if __name__ == "__main__":
    main()
