"""Compressed frames without the free text that JPEG family codestreams may carry.

Comments (COM) and application segments (APPn) of JPEG and JPEG-LS (ITU-T T.81 annex B, T.87) and
comments in the main header of JPEG 2000 (T.800 annex A) are cut out, and so is what stands behind the end of
the image; the coded image stays as it is.
"""

from __future__ import annotations

import struct

from deidflow.errors import Withheld
from deidflow.verdicts import Reason

_SOI, _EOI, _SOS, _COM = 0xFFD8, 0xFFD9, 0xFFDA, 0xFFFE
_J2K_SOC, _J2K_SOT, _J2K_SOD, _J2K_COM = 0xFF4F, 0xFF90, 0xFF93, 0xFF64
_ALLOWED = {(0xFFE0, 16): b"JFIF\0", (0xFFEE, 14): b"Adobe", (0xFFE8, 7): b"mrfx"}
"""APP segments that decoding needs: marker and length -> how they begin."""


def without_comments(frame: bytes) -> bytes:
    """One frame's codestream without comments, and without what stands behind its end.

    Raises Withheld where it is not understood.
    """
    start = int.from_bytes(frame[:2], "big")
    try:
        if start == _SOI:
            return _jpeg(frame)
        if start == _J2K_SOC:
            return _jpeg_2000(frame)
    except (struct.error, IndexError):
        pass
    raise Withheld(Reason.NO_DECODER, "codestream not understood")


def _is_jpeg_text(marker: int, segment: bytes) -> bool:
    if marker == _COM:
        return True
    if not 0xFFE0 <= marker <= 0xFFEF:
        return False
    begins = _ALLOWED.get((marker, len(segment)))
    return begins is None or not segment[2:].startswith(begins)


def _jpeg(frame: bytes) -> bytes:
    """Marker segments and entropy-coded data in turn, up to the end of the image."""
    kept, position = [frame[:2]], 2
    while True:
        while frame[position : position + 2] == b"\xff\xff":
            position += 1
        (marker,) = struct.unpack_from(">H", frame, position)
        if marker == _EOI:
            return b"".join([*kept, frame[position : position + 2]])
        if marker < 0xFF01:
            raise IndexError
        (length,) = struct.unpack_from(">H", frame, position + 2)
        segment, end = frame[position + 2 : position + 2 + length], position + 2 + length
        if not _is_jpeg_text(marker, segment):
            kept.append(frame[position:end])
        position = end
        if marker == _SOS:
            coded = _coded_end(frame, position)
            kept.append(frame[position:coded])
            position = coded


def _coded_end(frame: bytes, position: int) -> int:
    """Where entropy-coded data end: at a marker that is neither stuffing nor a restart (T.81 B.1.1.5, T.87)."""
    while True:
        position = frame.find(b"\xff", position)
        if position < 0:
            raise IndexError
        following = frame[position + 1]
        if following >= 0x80 and not 0xD0 <= following <= 0xD7 and following != 0xFF:
            return position
        position += 1 if following == 0xFF else 2


def _jpeg_2000(frame: bytes) -> bytes:
    """The main header without comments, then tile-parts as they are; a comment in one of them is not understood."""
    header, position = _main_header(frame)
    start = position
    while frame[position : position + 2] == b"\xff\x90":
        (length,) = struct.unpack_from(">I", frame, position + 6)
        _refuse_comment(frame, position)
        position = position + length if length else frame.rindex(b"\xff\xd9")
    if frame[position : position + 2] == b"\xff\xd9":
        return header + frame[start : position + 2]
    if frame[position:].strip(b"\0"):
        raise IndexError
    return header + frame[start:position]


def _main_header(frame: bytes) -> tuple[bytes, int]:
    kept, position = [frame[:2]], 2
    while True:
        marker, length = struct.unpack_from(">HH", frame, position)
        if marker == _J2K_SOT:
            return b"".join(kept), position
        if marker < 0xFF00:
            raise IndexError
        if marker != _J2K_COM:
            kept.append(frame[position : position + 2 + length])
        position += 2 + length


def _refuse_comment(frame: bytes, position: int) -> None:
    """Raise IndexError for a comment in the header of a tile-part: cutting it would change its length."""
    position += 12
    while True:
        marker, length = struct.unpack_from(">HH", frame, position)
        if marker == _J2K_SOD:
            return
        if marker == _J2K_COM or marker < 0xFF00:
            raise IndexError
        position += 2 + length


def without_tail(fragment: bytes, pixels: int) -> bytes:
    """An RLE fragment (PS3.5 annex G) of an image of `pixels` pixels, cut where its last segment ends."""
    (count,) = struct.unpack_from("<I", fragment)
    if not 1 <= count <= 15:
        raise Withheld(Reason.NO_DECODER, "codestream not understood")
    position, made = int.from_bytes(fragment[4 * count : 4 * count + 4], "little"), 0
    try:
        while made < pixels:
            code = fragment[position]
            made += 0 if code == 128 else 257 - code if code > 128 else code + 1
            position += 1 if code == 128 else 2 if code > 128 else code + 2
    except IndexError:
        raise Withheld(Reason.NO_DECODER, "codestream not understood") from None
    return fragment[:position] + b"\0" * (position & 1)
