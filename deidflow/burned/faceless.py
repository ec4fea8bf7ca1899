"""Whether an image that no mask can reach is of a kind that never shows a face."""

from __future__ import annotations

import re
from typing import Any

from deidflow.resources import load_yaml

_DESCRIPTIONS = ("SeriesDescription", "StudyDescription", "ProtocolName")


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
    named = str(header.get("BodyPartExamined") or "").upper()
    letters = re.sub(r"[^A-Z]", "", named)
    texts = [str(header.get(keyword) or "") for keyword in _DESCRIPTIONS]
    words = set(re.findall(r"[A-Z]+", " ".join(texts).upper()))
    return letters in parts["other"] and words.isdisjoint(parts["head"])
