"""Compressed frames without the free text that JPEG family codestreams may carry.

Comments (COM) and application segments (APPn) of JPEG and JPEG-LS (ITU-T T.81 annex B, T.87) and
comments in the main header of JPEG 2000 (T.800 annex A) are cut out; the coded image stays as it is.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from deidflow.errors import Withheld
from deidflow.verdicts import Reason

_SOI, _SOS, _COM = 0xFFD8, 0xFFDA, 0xFFFE
_J2K_SOC, _J2K_SOT, _J2K_COM = 0xFF4F, 0xFF90, 0xFF64
_ALLOWED = {(0xFFE0, 16): b"JFIF\0", (0xFFEE, 14): b"Adobe", (0xFFE8, 7): b"mrfx"}
"""APP segments that decoding needs: marker and length -> how they begin."""


def without_comments(frame: bytes) -> bytes:
    """One frame's codestream without comments; raises Withheld where it is not understood."""
    start = int.from_bytes(frame[:2], "big")
    try:
        if start == _SOI:
            return _cut(frame, _SOS, _is_jpeg_text)
        if start == _J2K_SOC:
            return _cut(frame, _J2K_SOT, lambda marker, _: marker == _J2K_COM)
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


def _cut(frame: bytes, last: int, is_text: Callable[[int, bytes], bool]) -> bytes:
    """Copy marker segments up to `last`, then the rest; drop the segments that hold text."""
    kept, position = [frame[:2]], 2
    while True:
        marker, length = struct.unpack_from(">HH", frame, position)
        if marker == last:
            return b"".join([*kept, frame[position:]])
        if marker < 0xFF00:
            raise IndexError
        segment = frame[position + 2 : position + 2 + length]
        if not is_text(marker, segment):
            kept.append(frame[position : position + 2 + length])
        position += 2 + length
