"""A DICOM reader of its own: every element in order, and whatever is not plain.

It reads what others wrote: what is odd is noted, and reading goes on (PS3.5 section 7).
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from pydicom.datadict import dictionary_VR, keyword_for_tag

from deidflow.checks.elements import Element, Level, is_creator

IMPLICIT, BIG_ENDIAN = "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
PIXEL_DATA = frozenset((0x7FE00008, 0x7FE00009, 0x7FE00010))
_CHARSET = 0x00080005
_UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_LONG_VRS = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
_SHORT_VRS = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
MOST_BYTES = 1 << 32
"""What compressed content may grow to."""
_MARK_END = 132
_DEEPEST = 64
READ_ERRORS = (struct.error, IndexError, zlib.error)


class NotDicom(ValueError):
    """The bytes are not a DICOM file."""


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


def read_instance(content: bytes) -> Instance:
    """Read a DICOM file; raises NotDicom for other bytes. What breaks off is among the problems."""
    if content[128:_MARK_END] != b"DICM":
        raise NotDicom
    meta, start = read_meta(content)
    instance = Instance(
        content[:128],
        meta,
        content,
    )
    if instance.syntax == DEFLATED:
        start = _inflate(instance, start)
    parser = Parser(instance)

    try:
        end = parser.data_set(
            start,
            len(instance.body),
            instance.place,
            parser.explicit,
        )
    except READ_ERRORS:
        instance.problems.append(("data set", "breaks off or has lengths that do not fit"))
        return instance
    if end != len(instance.body):
        instance.problems.append(("data set", "bytes follow its last element"))
    return instance


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
    return f"{path_of(element)}{_own_name(element.tag, element.level)}"


def _own_name(tag: int, level: Level) -> str:
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


@lru_cache(maxsize=8192)
def _dictionary_vr(tag: int) -> bytes:
    try:
        vr = dictionary_VR(tag)
    except KeyError:
        return b"LO" if is_creator(tag) else b"UN"
    return b"OW" if " or " in vr else vr.encode("ascii")


def _text(raw: bytes) -> str:
    return raw.rstrip(b"\0 ").decode("latin-1").strip()


def _inflate(instance: Instance, start: int) -> int:
    """Replace a deflated body; returns where its data set starts."""
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        instance.body = stream.decompress(instance.body[start:], MOST_BYTES)
    except zlib.error:
        instance.problems.append(("data set", "cannot be inflated"))
        instance.body = b""
    if instance.body and not stream.eof:
        instance.problems.append(("data set", "is cut before its end, or too large"))
    if stream.unused_data.strip(b"\0"):
        instance.problems.append(("data set", "bytes follow the deflated data set"))
    return 0


def read_meta(content: bytes) -> tuple[dict[int, bytes], int]:
    """File meta elements, always Explicit VR Little Endian, and where the data set starts.

    Raises NotDicom for a VR that does not exist.
    """
    meta: dict[int, bytes] = {}
    position = _MARK_END

    while content[position : position + 2] == b"\2\0":
        number = int.from_bytes(content[position + 2 : position + 4], "little")
        vr = content[position + 4 : position + 6]
        if vr in _LONG_VRS:
            start = position + 12
            length = int.from_bytes(content[position + 8 : start], "little")
        elif vr in _SHORT_VRS:
            start = position + 8
            length = int.from_bytes(content[position + 6 : start], "little")
        else:
            raise NotDicom
        meta[0x00020000 | number] = content[start : start + length]
        position = start + length
    return meta, position


class Parser:
    """Reads a data set into the lists of its file; one of READ_ERRORS says that it breaks off."""

    def __init__(self, instance: Instance) -> None:
        self.explicit = instance.syntax != IMPLICIT
        order = ">" if instance.syntax == BIG_ENDIAN else "<"
        self.instance = instance
        self.body = instance.body
        self.tag_at = struct.Struct(f"{order}HH").unpack_from
        self.long_at = struct.Struct(f"{order}I").unpack_from
        self.short_at = struct.Struct(f"{order}H").unpack_from

    def data_set(self, position: int, end: int, place: Place, explicit: bool) -> int:
        """Read a data set up to `end` or an item delimiter; returns where reading stopped."""
        elements = self.instance.elements
        before = -1
        while position < end:
            tag = self.tag(position)
            if tag == _ITEM_END:
                return position
            if tag <= before:
                self.problem(
                    tag,
                    place,
                    "stands out of order or twice",
                )
            before = tag

            start, first = position, len(elements)
            position = self.element(
                position,
                end,
                tag,
                place,
                explicit,
            )
            if place.depth == 0:
                span = Span(
                    tag,
                    start,
                    position,
                    first,
                    len(elements),
                )
                self.instance.spans.append(span)
        return position

    def tag(self, position: int) -> int:
        """The tag of the element that starts here."""
        group, number = self.tag_at(self.body, position)
        tag: int = group << 16 | number
        return tag

    def element(self, position: int, end: int, tag: int, place: Place, explicit: bool) -> int:
        """Read one element with all that is inside of it; returns the position after it."""
        vr, start, length = self.header(
            position,
            tag,
            explicit,
        )
        if tag in PIXEL_DATA:
            return self.pixel_data(
                tag,
                start,
                length,
                place,
            )
        if vr == b"SQ" or length == _UNDEFINED:
            self.instance.elements.append(
                Element(
                    tag,
                    b"SQ",
                    b"",
                    place,
                )
            )
            return self.sequence(
                tag,
                start,
                length,
                place,
                explicit and vr == b"SQ",
            )

        after: int = start + length
        if after > end:
            raise IndexError
        raw = self.body[start:after]
        self.note_value(
            tag,
            raw,
            place,
        )
        self.instance.elements.append(
            Element(
                tag,
                vr,
                raw,
                place,
            )
        )
        return after

    def header(self, position: int, tag: int, explicit: bool) -> tuple[bytes, int, int]:
        """VR, where the value starts, and its length."""
        if not explicit:
            return _dictionary_vr(tag), position + 8, self.long_at(self.body, position + 4)[0]
        vr = self.body[position + 4 : position + 6]
        if vr in _SHORT_VRS:
            return vr, position + 8, self.short_at(self.body, position + 6)[0]
        if vr in _LONG_VRS:
            return vr, position + 12, self.long_at(self.body, position + 8)[0]
        raise IndexError

    def note_value(self, tag: int, raw: bytes, place: Place) -> None:
        """Remember what later elements need to be understood."""
        if place.depth == 0:
            self.instance.top[tag] = raw
        if tag == _CHARSET:
            place.charset = raw
        if is_creator(tag):
            place.creators[tag] = raw.strip(b"\0 ").decode("latin-1")
        if len(raw) & 1:
            self.problem(
                tag,
                place,
                "has an odd length",
            )

    def problem(self, tag: int, place: Place, words: str) -> None:
        """Note that an element is not plain."""
        self.instance.problems.append((f"{place.path}{_own_name(tag, place)}", words))

    def pixel_data(self, tag: int, start: int, length: int, place: Place) -> int:
        """Note where the pixels are; returns the position after them."""
        encapsulated = length == _UNDEFINED
        end = self.fragments_end(start) if encapsulated else start + length
        if end > len(self.body):
            raise IndexError
        if place.depth == 0:
            self.instance.pixels = PixelBytes(
                tag,
                start,
                end,
                encapsulated,
            )
        else:
            self.instance.elements.append(
                Element(
                    tag,
                    b"OW",
                    b"",
                    place,
                )
            )
        return end

    def fragments_end(self, position: int) -> int:
        """The position after the sequence delimiter of encapsulated pixels."""
        while True:
            group, number = self.tag_at(self.body, position)
            length = self.long_at(self.body, position + 4)[0]
            position += 8
            tag = group << 16 | number
            if tag == _SEQUENCE_END:
                return position
            if tag != _ITEM or length == _UNDEFINED:
                raise IndexError
            position += length

    def sequence(self, tag: int, position: int, length: int, parent: Place, explicit: bool) -> int:
        """Read the items of a sequence; returns the position after it."""
        if parent.depth >= _DEEPEST:
            raise IndexError
        end = len(self.body) if length == _UNDEFINED else position + length
        path = f"{parent.path}{_own_name(tag, parent)}/"

        while position < end:
            group, number = self.tag_at(self.body, position)
            size = self.long_at(self.body, position + 4)[0]
            position += 8
            marker = group << 16 | number
            if marker == _SEQUENCE_END:
                return position
            if marker != _ITEM:
                raise IndexError
            item = Place(
                parent.charset,
                parent.depth + 1,
                path=path,
            )
            if size == _UNDEFINED:
                position = (
                    self.data_set(
                        position,
                        end,
                        item,
                        explicit,
                    )
                    + 8
                )
            else:
                position = self.data_set(
                    position,
                    position + size,
                    item,
                    explicit,
                )
        return position
