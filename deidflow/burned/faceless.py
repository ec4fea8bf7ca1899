"""Whether an image that no mask can reach is of a kind that never shows a face."""

from __future__ import annotations

import re
from typing import Any

from deidflow.resources import load_yaml

_DESCRIPTIONS = ("SeriesDescription", "StudyDescription", "ProtocolName")
ASKED = ("SOPClassUID", "BodyPartExamined", *_DESCRIPTIONS)
"""The attributes that tell."""


def shows_no_face(header: Any) -> bool:
    """By its class (ultrasound, mammography, microscopy), or an X-ray of another part of the body.

    The part counts only where no description speaks of a head.
    """
    signals = load_yaml("standard/image_signals.yaml")
    sop_class = str(header.get("SOPClassUID") or "")
    if sop_class in signals["faceless"]:
        return True
    return sop_class in signals["x_ray"] and _is_other_part(header)


def _is_other_part(header: Any) -> bool:
    parts = load_yaml("standard/body_parts.yaml")
    letters = _words_of(header, "BodyPartExamined")
    named = "".join(letters)
    if named not in parts["other"]:
        return False

    for keyword in _DESCRIPTIONS:
        words = set(_words_of(header, keyword))
        if not words.isdisjoint(parts["head"]):
            return False
    return True


def _words_of(header: Any, keyword: str) -> list[str]:
    """The words of an attribute, in capitals."""
    value = header.get(keyword) or ""
    text = str(value).upper()
    return re.findall(r"[A-Z]+", text)
