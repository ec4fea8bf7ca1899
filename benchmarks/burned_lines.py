"""Lines of text of made-up people, drawn on plain ground."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Grey = NDArray[np.uint8]
SIZES = ((256, 256), (512, 512), (600, 800), (768, 1024), (1024, 1024), (1536, 2048), (2500, 3000))
TURNS = (0, 0, 0, 0, 0, 0, 1, 3)
"""Quarter turns; most lines are upright."""
_FAMILIES = (
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
_GIVEN = ("Anna", "John", "Maria", "Peter", "Lena", "Omar", "Mei", "Chidi", "Eva")
_STROKES = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_PLAIN,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
)
"""Letters of strokes, as devices with plotters had them and programs with OpenCV have."""
_NO_LETTERS = ("Math", "Symbol", "Dingbat", "D050000L", "Fallback", "Z003")
"""Fonts of formulas, signs and handwriting."""


@dataclass(frozen=True)
class Drawn:
    """A line of text on plain ground: grey levels of 0 to 255."""

    grey: Grey
    text: str
    about: str


@dataclass(frozen=True)
class Lettering:
    """How much of each pixel a line covers, 0 to 255, and in what letters it is written."""

    cover: Grey
    font: str


def a_line(chance: random.Random) -> str:
    """What is written on pages: a name, a number, a date, a place."""
    family = chance.choice(_FAMILIES)
    given = chance.choice(_GIVEN)
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
        family,
        str(chance.randrange(10**4, 10**6)),
    )
    return chance.choice(lines)


def all_fonts() -> list[Path]:
    """Text fonts of the system."""
    fonts = []
    for path in Path("/usr/share/fonts").rglob("*.[to]tf"):
        if not any(word in path.stem for word in _NO_LETTERS):
            fonts.append(path)
    return sorted(fonts)


def draw(chance: random.Random, fonts: list[Path], tallest: int = 24) -> Drawn:
    """A line of at least 10 pixels and a contrast of at least 80 on plain ground.

    One of three touches an edge or a corner, or nearly.
    """
    text = a_line(chance)
    height = chance.randint(10, tallest)
    lettering = _letters(chance, fonts, text, height)
    turns = chance.choice(TURNS)
    cover = np.rot90(lettering.cover, turns)

    fitting = [size for size in SIZES if size[0] > cover.shape[0] and size[1] > cover.shape[1]]
    rows, columns = chance.choice(fitting)
    top = _start(chance, rows - cover.shape[0])
    left = _start(chance, columns - cover.shape[1])
    ground, ink = _levels(chance)
    shades = ground + (ink - ground) * (cover / 255)
    grey = np.full((rows, columns), ground, np.uint8)
    part = grey[top : top + cover.shape[0], left : left + cover.shape[1]]
    part[:] = shades.round().astype(np.uint8)
    about = (
        f"{lettering.font} {height} px, turned {90 * turns}, {ink} on {ground}, "
        f"at {top}, {left} of {rows} x {columns}"
    )
    return Drawn(grey, text, about)


def _levels(chance: random.Random) -> tuple[int, int]:
    """Greys of ground and ink, dark on light or light on dark; half of them as faint as allowed."""
    contrast = chance.choice((chance.randint(80, 100), chance.randint(80, 255)))
    dark = chance.randint(0, 255 - contrast)
    levels = [dark, dark + contrast]
    chance.shuffle(levels)
    return levels[0], levels[1]


def _start(chance: random.Random, room: int) -> int:
    """Where a line begins along a side with so much room."""
    anywhere = chance.randint(0, room)
    near = min(room, chance.randint(0, 3))
    return chance.choice((anywhere, anywhere, anywhere, anywhere, near, room - near))


def _letters(chance: random.Random, fonts: list[Path], text: str, height: int) -> Lettering:
    """A line whose capitals are at least so many pixels high."""
    if chance.random() < 0.2:
        return _strokes(chance, text, height)
    path = chance.choice(fonts)
    font = _sized(path, height)
    left, top, right, bottom = font.getbbox(text)
    image = Image.new("L", (round(right - left), round(bottom - top)), 0)
    ImageDraw.Draw(image).text((-left, -top), text, fill=255, font=font)
    return Lettering(np.array(image), path.stem)


def _strokes(chance: random.Random, text: str, height: int) -> Lettering:
    face = chance.choice(_STROKES)
    scale = 0.2
    while cv2.getTextSize("H", face, scale, 1)[0][1] < height:
        scale += 0.02
    (width, above), below = cv2.getTextSize(text, face, scale, 1)
    cover = np.zeros((above + below + 2, width + 2), np.uint8)
    cv2.putText(cover, text, (1, above + 1), face, scale, 255, 1, cv2.LINE_AA)
    rows = cover.any(1).nonzero()[0]
    columns = cover.any(0).nonzero()[0]
    inked = cover[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return Lettering(inked, f"strokes {face}")


def _sized(path: Path, height: int) -> Any:
    size = height
    while True:
        font = ImageFont.truetype(path, size)
        _, top, _, bottom = font.getbbox("H")
        if bottom - top >= height:
            return font
        size += 1
