"""Text in pixels: how much of it is found, and what is held back without cause.

Lines with identifiers of made-up people are drawn into images in many fonts, sizes, contrasts,
places, bit depths and photometric interpretations, and read as the step `inspect` reads them. A
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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from burned_forms import (
    data_set,
    grey_8,
    inverted_12,
    one_of_many,
    palette,
    red_green_blue,
    signed_16,
    with_hot_pixels,
)
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from pydicom.dataset import Dataset
from scipy import ndimage

from deidflow.burned.series import Manner, SeriesText, frames_of, read_series
from deidflow.burned.wording import PAGE, VOLUME, Meaning, Surroundings, meaning_of
from deidflow.errors import Withheld
from deidflow.header.text import Scrubber

NOBODY = Scrubber.of([])
"""The worst case: text of people whom the header does not name."""
SIZES = ((256, 256), (512, 512), (600, 800), (768, 1024), (1024, 1024), (1536, 2048), (2500, 3000))
FAMILIES = (
    "Miller",
    "Kowalski",
    "Nguyen",
    "Okafor",
    "Lindqvist",
    "Hassan",
    "Garcia",
    "Novak",
    "Li",
)
GIVEN = ("Anna", "John", "Maria", "Peter", "Lena", "Omar", "Mei", "Chidi", "Eva")
Cells = NDArray[Any]


@dataclass(frozen=True)
class Drawn:
    """A line of text on plain ground: grey levels of 0 to 255."""

    grey: NDArray[np.uint8]
    text: str
    about: str


def a_line(chance: random.Random) -> str:
    """What is written on pages: a name, a number, a date, a place."""
    family = chance.choice(FAMILIES)
    given = chance.choice(GIVEN)
    day = f"{chance.randrange(1, 29):02d}"
    month = f"{chance.randrange(1, 13):02d}"
    year = chance.randrange(1930, 2015)
    lines = (
        f"{family}, {given}",
        f"{family.upper()}^{given.upper()}",
        f"ID: {chance.randrange(10**5, 10**8)}",
        f"{year}-{month}-{day}",
        f"DOB {day}.{month}.{year}",
        "St. Mary Hospital",
        f"Dr. {family}",
        f"MRN{chance.randrange(10**4, 10**7)}",
    )
    return chance.choice(lines)


def all_fonts() -> list[Path]:
    """Text fonts of the system, without those for formulas and other scripts."""
    paths = Path("/usr/share/fonts").rglob("*.ttf")
    return sorted(
        path for path in paths if path.stem.startswith(("Liberation", "DejaVuS", "NotoSansM"))
    )


def sized(path: Path, height: int) -> Any:
    """A font whose capitals are at least so many pixels high."""
    size = height
    while True:
        font = ImageFont.truetype(path, size)
        _, top, _, bottom = font.getbbox("H")
        if bottom - top >= height:
            return font
        size += 1


def draw(chance: random.Random, fonts: list[Path], tallest: int = 24) -> Drawn:
    """A line of at least 10 pixels and a contrast of at least 80 somewhere on plain ground."""
    rows, columns = chance.choice(SIZES)
    height = chance.randint(10, tallest)
    path = chance.choice(fonts)
    font = sized(path, height)
    text = a_line(chance)
    left, top, right, bottom = font.getbbox(text)
    if right - left + 8 > columns:
        return draw(chance, fonts, tallest)

    contrast = chance.randint(80, 255)
    dark = chance.randint(0, 255 - contrast)
    levels = [dark, dark + contrast]
    chance.shuffle(levels)
    image = Image.new("L", (columns, rows), levels[0])
    x = chance.randint(2, columns - (right - left) - 3)
    y = chance.randint(2, rows - (bottom - top) - 3)
    ImageDraw.Draw(image).text((x - left, y - top), text, fill=levels[1], font=font)
    about = f"{path.stem} {height} px, {levels[0]} on {levels[1]}, {rows} x {columns}"
    return Drawn(np.array(image), text, about)


# forms of pixel data


FORMS: tuple[Callable[[Cells], Dataset], ...] = (
    grey_8,
    inverted_12,
    signed_16,
    with_hot_pixels,
    red_green_blue,
    palette,
    one_of_many,
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
