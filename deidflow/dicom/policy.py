"""Which object becomes what, as far as the header alone decides."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import Any

from deidflow.dicom.dictionary import sop_class_uids
from deidflow.dicom.instance import Instance
from deidflow.errors import ConfigError
from deidflow.resources import load_yaml
from deidflow.verdicts import Reason, Verdict

FUNCTIONAL_GROUPS = 0x52009230
"""The tag whose presence says that geometry is given frame by frame."""


_SLICING = ("NONE", "CURVED_MPR", "MPR")
RT_STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"


def class_uids(names: Iterable[str]) -> frozenset[str]:
    """SOP Class UIDs from UIDs and names of the data dictionary; raises ConfigError with the nearest name."""
    by_keyword = sop_class_uids()
    found = set()
    for name in names:
        if name[:1].isdigit():
            found.add(name)
        elif name in by_keyword:
            found.add(by_keyword[name])
        else:
            near = difflib.get_close_matches(name, list(by_keyword), n=1)
            raise ConfigError(
                f"no SOP class '{name}'" + (f"; did you mean '{near[0]}'?" if near else "")
            )
    return frozenset(found)


@lru_cache(maxsize=1)
def _classes() -> dict[str, str]:
    """SOP Class UID -> `image`, `text` or `excluded`."""
    groups = load_yaml("standard/sop_classes.yaml")
    return {uid: kind for kind, uids in groups.items() for uid in uids}


def deciding(instance: Instance) -> tuple[object, ...]:
    """All that `judge` looks at: instances with the same get the same verdict."""
    flags = instance.pixel_length is None, bool(instance.orientation and instance.spacing)
    texts = (
        instance.burned_in,
        instance.image_type,
        instance.conversion_type,
        instance.modality,
        instance.photometric,
    )
    return instance.sop_class, *texts, *flags


def judge(
    instance: Instance, *, defacing: bool, classes: Collection[str] = ()
) -> tuple[Verdict, Reason] | None:
    """Verdict and reason where the header keeps an instance out; None where it may go on.

    `classes` are let through although the policy excludes or suspects their kind; a contour of the body
    shows the face, so RT structure sets stay excluded where faces are removed.
    """
    if instance.sop_class in classes and not (defacing and instance.sop_class == RT_STRUCTURE_SET):
        burned_in = instance.burned_in.upper() not in ("", "NO")
        return (Verdict.QUARANTINED, Reason.BURNED_IN) if burned_in else None
    kind = _classes().get(instance.sop_class)
    if kind == "excluded":
        return Verdict.EXCLUDED, Reason.CLASS_EXCLUDED
    if kind is None:
        return Verdict.QUARANTINED, Reason.CLASS_UNKNOWN
    reason = _doubt(instance, kind) or (_face_doubt(instance) if defacing else None)
    return (Verdict.QUARANTINED, reason) if reason else None


def _doubt(instance: Instance, kind: str) -> Reason | None:
    if kind == "text":
        return Reason.MAY_CARRY_TEXT
    if instance.burned_in.upper() not in ("", "NO"):
        return Reason.BURNED_IN
    if (
        _types(instance) & set(load_yaml("standard/image_signals.yaml")["image_type"])
        or instance.conversion_type
    ):
        return Reason.SECONDARY
    if instance.pixel_length is None:
        return Reason.NO_PIXELS
    if instance.modality == "CT" and not has_plane(instance):
        return Reason.NO_GEOMETRY
    return None


def _face_doubt(instance: Instance) -> Reason | None:
    if instance.photometric == "PALETTE COLOR":
        return Reason.PALETTE
    if names_projection(_types(instance)):
        return Reason.PROJECTION
    return None if has_plane(instance) else Reason.NO_GEOMETRY


def names_projection(words: Iterable[str]) -> bool:
    """Whether words of an image or frame type name a projection or a rendering."""
    signals = load_yaml("standard/image_signals.yaml")
    upper = {word.strip().upper() for word in words}
    return bool(upper & set(signals["projections"])) or any(
        part in word for word in upper for part in signals["projection_parts"]
    )


def is_projection(header: Any) -> bool:
    """Whether a header says that its pixels are a projection or rendering of a volume (PS3.3 C.8.16.2)."""
    groups = [
        *(header.get("SharedFunctionalGroupsSequence") or ()),
        *(header.get("PerFrameFunctionalGroupsSequence") or ()),
    ]
    kinds = ("MRImageFrameTypeSequence", "CTImageFrameTypeSequence", "PETFrameTypeSequence")
    items = [
        header,
        *(item for group in groups for kind in kinds for item in group.get(kind) or ()),
    ]
    said = (str(item.get("VolumeBasedCalculationTechnique") or "NONE").upper() for item in items)
    words = [
        word
        for item in items
        for word in (*(item.get("ImageType") or ()), *(item.get("FrameType") or ()))
    ]
    return names_projection(map(str, words)) or any(one not in _SLICING for one in said)


def _types(instance: Instance) -> set[str]:
    return {part.strip().upper() for part in instance.image_type.split("\\")}


def has_plane(instance: Instance) -> bool:
    """Whether the header may place the image in the patient; positions may also come frame by frame or tile by tile."""
    if is_enhanced(instance):
        return True
    return bool(instance.orientation and instance.spacing)


def is_enhanced(instance: Instance) -> bool:
    """Whether geometry is in functional groups (PS3.3 C.7.6.16)."""
    return instance.sop_class in load_yaml("standard/image_signals.yaml")["enhanced"]
