"""The pixel data element of a file: copied, but for text that hides in compressed frames."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from pydicom.encaps import generate_frames

from deidflow.dicom.codestream import without_comments, without_tail
from deidflow.dicom.elements import LENGTH, PIXEL_TAG, UNDEFINED, NotUnderstood, item
from deidflow.dicom.encoding import NATIVE
from deidflow.dicom.instance import frame_count
from deidflow.dicom.structure import IMPLICIT_LITTLE
from deidflow.errors import Withheld
from deidflow.verdicts import Reason

_FRAMES, _ROWS, _COLUMNS = 0x00280008, 0x00280010, 0x00280011
_RLE = "1.2.840.10008.1.2.5"
_ITEM, _SEQUENCE_END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
_HEAD = 8
"""Bytes of tag and length of an item or a delimiter."""
Chunk = bytes | memoryview


def pixel_element(
    body: bytes, position: int, syntax: str, raws: Mapping[int, bytes]
) -> list[Chunk]:
    """The pixel data element at a position, in chunks; bytes after it are left out.

    `raws` are the values of the header. Empty at the end of the data set. Raises NotUnderstood
    for another element or a length that does not fit, Withheld for pixels that are not encoded as
    the syntax says.
    """
    if position == len(body):
        return []
    if body[position : position + 4] != PIXEL_TAG:
        raise NotUnderstood

    length_at = position + (4 if syntax == IMPLICIT_LITTLE else 8)
    (length,) = LENGTH(body, length_at)
    if (length == UNDEFINED) == (syntax in NATIVE):
        raise Withheld(Reason.PIXEL_ENCODING)
    value = length_at + 4
    if length == UNDEFINED:
        return _encapsulated(
            body,
            position,
            value,
            syntax,
            raws,
        )
    end = value + length
    if end > len(body) or length & 1:
        raise NotUnderstood
    return [memoryview(body)[position:end]]


def _encapsulated(
    body: bytes, start: int, first: int, syntax: str, raws: Mapping[int, bytes]
) -> list[Chunk]:
    """Encapsulated pixel data from `start`, its first item at `first` (PS3.5 annex A.4).

    Text in and after codestreams is cut out, and so are offsets that are not those of frames.
    """
    items, position = _items(body, first)
    is_end = body[position : position + 4] == _SEQUENCE_END
    end = position + _HEAD
    if end > len(body) or not is_end or not items:
        raise NotUnderstood

    offsets, *fragments = items
    frames = _frames(
        body[first:position],
        fragments,
        syntax,
        raws,
    )
    cleaned = [_without_text(frame, syntax, raws) for frame in frames]
    if cleaned == frames and _are_offsets(offsets, fragments):
        return [memoryview(body)[start:end]]
    return [
        body[start:first],
        item(b""),
        *map(_padded_item, cleaned),
        _SEQUENCE_END + bytes(4),
    ]


def _padded_item(frame: bytes) -> bytes:
    padding = b"\0" * (len(frame) & 1)
    return item(frame + padding)


def _items(body: bytes, first: int) -> tuple[list[bytes], int]:
    """The contents of the items that start at `first`, and the position after them."""
    contents: list[bytes] = []
    position = first
    while body[position : position + 4] == _ITEM:
        (length,) = LENGTH(body, position + 4)
        value = position + _HEAD
        contents.append(body[value : value + length])
        position = value + length
    return contents, position


def _frames(
    content: bytes, fragments: list[bytes], syntax: str, raws: Mapping[int, bytes]
) -> list[bytes]:
    """The frames that fragments make up: one each, or as the offset table in `content` says."""
    number = _number_of_frames(raws)
    if syntax == _RLE or number == len(fragments):
        return fragments
    return list(generate_frames(content, number_of_frames=number))


def _number_of_frames(raws: Mapping[int, bytes]) -> int:
    raw = raws.get(_FRAMES, b"1")
    text = raw.decode("ascii", "replace").strip("\0 ")
    return frame_count(text)


def _without_text(frame: bytes, syntax: str, raws: Mapping[int, bytes]) -> bytes:
    """A frame without comments and tail; one that has none is returned with its padding."""
    if syntax == _RLE:
        pixels = _short(raws, _ROWS) * _short(raws, _COLUMNS)
        cleaned = without_tail(frame, pixels)
    else:
        cleaned = without_comments(frame)
    if not frame.startswith(cleaned):
        return cleaned
    tail = frame[len(cleaned) :]
    return frame if tail in (b"", b"\0") else cleaned


def _short(raws: Mapping[int, bytes], tag: int) -> int:
    return int.from_bytes(raws.get(tag, b"")[:2], "little")


def _are_offsets(table: bytes, fragments: list[bytes]) -> bool:
    """Whether the basic offset table is empty or holds positions of fragments (PS3.5 annex A.4)."""
    start = 0
    starts = {start}
    for fragment in fragments:
        start += _HEAD + len(fragment)
        starts.add(start)
    count, rest = divmod(len(table), 4)
    if rest:
        return False
    offsets = struct.unpack(f"<{count}I", table)
    return starts.issuperset(offsets)
