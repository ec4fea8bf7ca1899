"""What a reader makes of a DICOM file: every element in order, and whatever is not plain."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from pydicom.datadict import keyword_for_tag

from deidflow.checks.elements import Element, Level

IMPLICIT, BIG_ENDIAN = "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"


@dataclass
class Place(Level):
    """A data set, and the sequences above it."""

    path: str = ""
    """Keywords of the sequences above, each followed by a slash."""


@dataclass(frozen=True)
class PixelBytes:
    """Where the stored pixels are in the body."""

    tag: int
    start: int
    end: int
    encapsulated: bool


@dataclass(frozen=True)
class Span:
    """One element of the data set itself, with all that is inside of it."""

    tag: int
    start: int
    """Where it starts in the body, with its tag and length."""
    end: int
    first: int
    """The number of its first element in depth first order."""
    last: int
    """The number after its last element."""


@dataclass(frozen=True, eq=False)
class Repeated:
    """Elements that a file has in common with the file before it, byte by byte."""

    elements: tuple[Element, ...] = ()
    top: dict[int, bytes] = field(default_factory=dict)

    @cached_property
    def has_private(self) -> bool:
        """Whether one of them is private."""
        return any(element.tag >> 16 & 1 for element in self.elements)

    @cached_property
    def by_path(self) -> dict[str, list[Element]]:
        """The elements by the sequences above them."""
        found: dict[str, list[Element]] = {}
        for element in self.elements:
            found.setdefault(path_of(element), []).append(element)
        return found


NOTHING_REPEATED = Repeated()


@dataclass
class Instance:
    """A DICOM file that was read."""

    preamble: bytes
    meta: dict[int, bytes]
    body: bytes
    elements: list[Element] = field(default_factory=list)
    """Every element, depth first; a sequence has no bytes of its own.

    Those of one element of the data set itself are in order.
    """
    top: dict[int, bytes] = field(default_factory=dict)
    """Values of the data set itself, without those inside sequences."""
    pixels: PixelBytes | None = None
    problems: list[tuple[str, str]] = field(default_factory=list)
    """What is not plain: attribute or part of the file, and words."""
    spans: list[Span] = field(default_factory=list)
    """Elements of the data set itself in order, where the file was read as a whole."""
    place: Place = field(default_factory=Place)
    """The data set itself."""
    repeated: Repeated = NOTHING_REPEATED
    """What was taken over from the file before."""

    @property
    def fresh(self) -> list[Element]:
        """The elements that were not taken over from the file before."""
        return self.elements[len(self.repeated.elements) :]

    @property
    def has_private(self) -> bool:
        """Whether it has private elements."""
        return self.repeated.has_private or any(element.tag >> 16 & 1 for element in self.fresh)

    def below(self, path: str) -> list[Element]:
        """The elements in items of one sequence, by the keywords of the sequences above them."""
        fresh = [element for element in self.fresh if path_of(element) == path]
        return [*self.repeated.by_path.get(path, ()), *fresh]

    @property
    def syntax(self) -> str:
        """The transfer syntax UID."""
        return self.meta_text(0x00020010)

    def meta_text(self, tag: int) -> str:
        """A text value of the file meta; empty where it is absent."""
        return _text(self.meta.get(tag, b""))

    def text(self, tag: int) -> str:
        """A text value of the data set itself; empty where it is absent."""
        return _text(self.top.get(tag, b""))

    def short(self, tag: int, default: int = 0) -> int:
        """A US value of the data set itself, or the default where it is absent."""
        raw = self.top.get(tag, b"")
        order = "big" if self.syntax == BIG_ENDIAN else "little"
        return int.from_bytes(raw[:2], order) if len(raw) >= 2 else default  # type: ignore[arg-type]


def path_of(element: Element) -> str:
    """Keywords of the sequences above an element, each followed by a slash."""
    path: str = getattr(
        element.level,
        "path",
        "",
    )
    return path


def name_of(element: Element) -> str:
    """Keyword and sequences above it; group, known creator and low byte for a private element."""
    return f"{path_of(element)}{own_name(element.tag, element.level)}"


def own_name(tag: int, level: Level) -> str:
    """Keyword, or group, known creator and low byte, or group and number."""
    creator = level.creator_of(tag)
    if creator in _known_creators():
        return f"{tag >> 16:04x},{creator},{tag & 0xFF:02x}"
    return _keyword(tag) or f"{tag >> 16:04x},{tag & 0xFFFF:04x}"


@lru_cache(maxsize=1)
def _known_creators() -> frozenset[str]:
    """Private creators of makers; another one may itself be a name of a person."""
    from pydicom._private_dict import private_dictionaries

    return frozenset(private_dictionaries)


@lru_cache(maxsize=8192)
def _keyword(tag: int) -> str:
    return str(keyword_for_tag(tag))


def _text(raw: bytes) -> str:
    return raw.rstrip(b"\0 ").decode("latin-1").strip()
