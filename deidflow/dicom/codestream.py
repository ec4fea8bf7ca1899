"""Compressed frames without the free text that codestreams of the JPEG family may carry.

Comments (COM) and application segments (APPn) of JPEG and JPEG-LS (ITU-T T.81 annex B, T.87) and
comments in the main header of JPEG 2000 (T.800 annex A) are cut out, and so is everything after the
end of the image; the coded image stays as it is.
"""

from __future__ import annotations

import struct

from deidflow.errors import Withheld
from deidflow.verdicts import Reason

_SOI, _EOI, _SOS, _COM = 0xFFD8, 0xFFD9, 0xFFDA, 0xFFFE
_APP = range(0xFFE0, 0xFFF0)
_LEAST_MARKER = 0xFF01
_J2K_SOC, _J2K_SOT, _J2K_SOD, _J2K_COM = 0xFF4F, 0xFF90, 0xFF93, 0xFF64
_LEAST_J2K_MARKER = 0xFF00
_SOT_BYTES = b"\xff\x90"
_END_BYTES = b"\xff\xd9"
_RESTARTS = range(0xD0, 0xD8)
_SOT_SIZE = 12
_RLE_SEGMENTS = range(1, 16)
_RLE_NOTHING = 128
_ALLOWED = {
    (0xFFE0, 16): b"JFIF\0",
    (0xFFEE, 14): b"Adobe",
    (0xFFE8, 7): b"mrfx",
}
"""APP segments that decoding needs: marker and length -> how they begin."""
_MARKER = struct.Struct(">H").unpack_from
_SEGMENT = struct.Struct(">HH").unpack_from
_LONG = struct.Struct(">I").unpack_from


def without_comments(frame: bytes) -> bytes:
    """One frame's codestream without comments, and without anything after its end.

    Raises Withheld if it is not understood.
    """
    start = int.from_bytes(frame[:2], "big")
    try:
        if start == _SOI:
            return _jpeg(frame)
        if start == _J2K_SOC:
            return _jpeg_2000(frame)
    except (struct.error, IndexError, ValueError):
        pass
    raise Withheld(
        Reason.NO_DECODER,
        "codestream not understood",
    )


def _is_jpeg_text(marker: int, segment: bytes) -> bool:
    """Whether a segment, from its length on, is a comment or an application's own."""
    if marker == _COM:
        return True
    if marker not in _APP:
        return False
    beginning = _ALLOWED.get((marker, len(segment)))
    return beginning is None or not segment[2:].startswith(beginning)


def _jpeg(frame: bytes) -> bytes:
    """Marker segments and entropy-coded data in turn, up to the end of the image."""
    kept = [frame[:2]]
    position = 2
    while True:
        position = _without_fill(frame, position)
        (marker,) = _MARKER(frame, position)
        if marker == _EOI:
            kept.append(_END_BYTES)
            return b"".join(kept)
        if marker < _LEAST_MARKER:
            raise IndexError

        (length,) = _MARKER(frame, position + 2)
        end = position + 2 + length
        segment = frame[position + 2 : end]
        if not _is_jpeg_text(marker, segment):
            kept.append(frame[position:end])
        position = end
        if marker == _SOS:
            position = _coded_end(frame, end)
            kept.append(frame[end:position])


def _without_fill(frame: bytes, position: int) -> int:
    """The position of a marker after its fill bytes (T.81 B.1.1.2)."""
    while frame[position : position + 2] == b"\xff\xff":
        position += 1
    return position


def _coded_end(frame: bytes, position: int) -> int:
    """Where entropy-coded data end: at a marker that is neither stuffing nor a restart.

    T.81 B.1.1.5, T.87.
    """
    while True:
        position = frame.find(b"\xff", position)
        if position < 0:
            raise IndexError
        following = frame[position + 1]
        is_fill = following == 0xFF
        is_marker = following >= 0x80 and following not in _RESTARTS
        if is_marker and not is_fill:
            return position
        position += 1 if is_fill else 2


def _jpeg_2000(frame: bytes) -> bytes:
    """The main header without comments, then tile-parts as they are.

    A tile-part with a comment is not understood.
    """
    header, start = _main_header(frame)
    position = start
    while frame[position : position + 2] == _SOT_BYTES:
        (length,) = _LONG(frame, position + 6)
        _refuse_comment(frame, position)
        if length:
            position += length
        else:
            position = frame.rindex(_END_BYTES)

    rest = frame[position:]
    if rest.startswith(_END_BYTES):
        return header + frame[start:position] + _END_BYTES
    if rest.strip(b"\0"):
        raise IndexError
    return header + frame[start:position]


def _main_header(frame: bytes) -> tuple[bytes, int]:
    """The main header without comments, and the position of the first tile-part."""
    kept = [frame[:2]]
    position = 2
    while True:
        marker, length = _SEGMENT(frame, position)
        if marker == _J2K_SOT:
            return b"".join(kept), position
        if marker < _LEAST_J2K_MARKER:
            raise IndexError

        end = position + 2 + length
        if marker != _J2K_COM:
            kept.append(frame[position:end])
        position = end


def _refuse_comment(frame: bytes, position: int) -> None:
    """Raise IndexError for a comment in a tile-part's header, whose length must not change."""
    position += _SOT_SIZE
    while True:
        marker, length = _SEGMENT(frame, position)
        if marker == _J2K_SOD:
            return
        if marker == _J2K_COM or marker < _LEAST_J2K_MARKER:
            raise IndexError
        position += 2 + length


def without_tail(fragment: bytes, pixels: int) -> bytes:
    """An RLE fragment of an image of `pixels` pixels, cut where its last segment ends.

    PS3.5 annex G. Raises Withheld if it is not understood.
    """
    (count,) = struct.unpack_from("<I", fragment)
    if count not in _RLE_SEGMENTS:
        raise Withheld(
            Reason.NO_DECODER,
            "codestream not understood",
        )
    last = fragment[4 * count : 4 * count + 4]
    start = int.from_bytes(last, "little")
    try:
        end = _segment_end(fragment, start, pixels)
    except IndexError:
        raise Withheld(
            Reason.NO_DECODER,
            "codestream not understood",
        ) from None

    padding = b"\0" * (end & 1)
    return fragment[:end] + padding


def _segment_end(fragment: bytes, position: int, pixels: int) -> int:
    """The position after the runs of a segment that hold `pixels` bytes (PS3.5 section G.3.1)."""
    decoded = 0
    while decoded < pixels:
        code = fragment[position]
        if code == _RLE_NOTHING:
            position += 1
        elif code > _RLE_NOTHING:
            decoded += 257 - code
            position += 2
        else:
            decoded += code + 1
            position += code + 2
    return position
