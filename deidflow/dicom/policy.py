"""Which object becomes what, as far as the header alone decides."""

from __future__ import annotations

from functools import lru_cache

from deidflow.dicom.header import Instance
from deidflow.resources import load_yaml
from deidflow.verdicts import Reason, Verdict

FUNCTIONAL_GROUPS = 0x52009230
"""The tag whose presence says that geometry is given frame by frame."""


@lru_cache(maxsize=1)
def _classes() -> dict[str, str]:
    """SOP Class UID -> `image`, `text` or `excluded`."""
    groups = load_yaml("standard/sop_classes.yaml")
    return {uid: kind for kind, uids in groups.items() for uid in uids}


def judge(instance: Instance, *, defacing: bool) -> tuple[Verdict, Reason] | None:
    """Verdict and reason where the header keeps an instance out; None where it may go on."""
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
    if _types(instance) & set(load_yaml("standard/image_signals.yaml")["image_type"]) or instance.conversion_type:
        return Reason.SECONDARY
    if instance.pixel_length is None:
        return Reason.NO_PIXELS
    if instance.modality == "CT" and not has_plane(instance):
        return Reason.NO_GEOMETRY
    return None


def _face_doubt(instance: Instance) -> Reason | None:
    if instance.photometric == "PALETTE COLOR":
        return Reason.PALETTE
    if instance.modality == "CT" or instance.sop_class in load_yaml("standard/image_signals.yaml")["ct"]:
        return Reason.CT_NOT_YET
    if _types(instance) & set(load_yaml("standard/image_signals.yaml")["projections"]):
        return Reason.PROJECTION
    return None if has_plane(instance) else Reason.NO_GEOMETRY


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
