"""Which object becomes what, as far as the header alone decides."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from functools import lru_cache
from typing import Any

from deidflow.dicom.dictionary import sop_class_uids
from deidflow.dicom.functional_groups import FunctionalGroups
from deidflow.dicom.instance import Instance
from deidflow.dicom.raw_data import raw_classes
from deidflow.errors import ConfigError
from deidflow.resources import load_yaml
from deidflow.spelling import did_you_mean
from deidflow.verdicts import Reason, Verdict

_SIGNALS = "standard/image_signals.yaml"
READABLE = frozenset(
    (
        Reason.MAY_CARRY_TEXT,
        Reason.BURNED_IN,
        Reason.SECONDARY,
        Reason.NO_GEOMETRY,
    )
)
"""Doubts that reading the text in the pixels can clear."""
_SLICING = ("NONE", "CURVED_MPR", "MPR")
"""Values of VolumeBasedCalculationTechnique that are still slices."""
_REPORTS = "1.2.840.10008.5.1.4.1.1.88."
"""How the UIDs of all structured reports begin, those of later editions too (PS3.4 annex B)."""
FRAME_TYPES = ("MRImageFrameTypeSequence", "CTImageFrameTypeSequence", "PETFrameTypeSequence")
AskedFor = Callable[[Instance], bool]
"""Whether an instance is among those that a user selects."""


def everything(instance: Instance) -> bool:  # noqa: ARG001 - one of several selections
    """The selection that leaves nothing out."""
    return True


def class_uids(names: Iterable[str]) -> frozenset[str]:
    """SOP Class UIDs from UIDs and names of the data dictionary.

    Raises ConfigError with the nearest name.
    """
    return frozenset(_class_uid(name) for name in names)


def _class_uid(name: str) -> str:
    if name[:1].isdigit():
        return name
    uids = sop_class_uids()
    if name in uids:
        return uids[name]

    hint = did_you_mean(name, uids)
    raise ConfigError(f"no SOP class '{name}'{hint}")


@lru_cache(maxsize=1)
def _classes() -> dict[str, str]:
    """SOP Class UID -> `image`, `text` or `excluded`."""
    kinds: dict[str, str] = {}
    for kind, uids in load_yaml("standard/sop_classes.yaml").items():
        kinds.update(dict.fromkeys(uids, kind))
    return kinds


@lru_cache(maxsize=1)
def _objects() -> dict[str, str]:
    """SOP Class UID of an object that is no image -> `plain` or `shape`."""
    kinds: dict[str, str] = {}
    for kind, uids in load_yaml("standard/objects.yaml").items():
        kinds.update(dict.fromkeys(uids, kind))
    return kinds


def is_object(instance: Instance) -> bool:
    """Whether an instance is no image: a registration, plan, dose, structure set, report .."""
    return instance.sop_class in _objects() or is_report(instance.sop_class)


def is_report(sop_class: str) -> bool:
    """Whether instances of a class are structured reports, of which key objects are a kind."""
    return sop_class.startswith(_REPORTS)


def deciding(instance: Instance) -> tuple[object, ...]:
    """Everything that `judge` looks at: instances with the same values get the same verdict."""
    return (
        instance.sop_class,
        instance.burned_in,
        instance.image_type,
        instance.conversion_type,
        instance.modality,
        instance.photometric,
        instance.pixel_length is None,
        bool(instance.orientation and instance.spacing),
    )


def judge(
    instance: Instance,
    *,
    defacing: bool,
    classes: Collection[str] = (),
    reading: bool = False,
    cleaning_reports: bool = False,
) -> tuple[Verdict, Reason] | None:
    """Verdict and reason if the header keeps an instance out; None if it may go on.

    `classes` are let through although the policy excludes or suspects their kind. What shows the
    shape of the body may show the face, so it stays excluded if faces are removed. With `reading`
    a later step reads the text in the pixels: what only may carry some goes on. Without
    `cleaning_reports` the content of structured reports is not cleaned: none of them goes on.
    """
    shows_face = defacing and _objects().get(instance.sop_class) == "shape"
    if instance.sop_class in classes and not shows_face:
        if is_report(instance.sop_class):
            return _quarantined(None if cleaning_reports else Reason.REPORT_NOT_CLEANED)
        is_doubtful = _is_burned_in(instance) and not reading
        return _quarantined(Reason.BURNED_IN if is_doubtful else None)

    kind = _classes().get(instance.sop_class)
    if kind == "excluded":
        is_raw = instance.sop_class in raw_classes()
        return Verdict.EXCLUDED, Reason.RAW_DATA if is_raw else Reason.CLASS_EXCLUDED
    if kind is None:
        return Verdict.QUARANTINED, Reason.CLASS_UNKNOWN

    reason = _doubt(instance, kind)
    if reading and reason in READABLE:
        reason = _doubt_beside_text(instance, defacing)
    elif reason is None and defacing:
        reason = _face_doubt(instance)
    return _quarantined(reason)


def text_doubt(instance: Instance) -> Reason | None:
    """Why the pixels of an instance may show text; None where its header suggests nothing."""
    kind = _classes().get(instance.sop_class, "")
    reason = _doubt(instance, kind)
    return reason if reason in READABLE else None


def _doubt_beside_text(instance: Instance, defacing: bool) -> Reason | None:
    """What keeps an instance out whose text is read later.

    Whether one without a place may show a face is decided there, by what it shows.
    """
    if instance.pixel_length is None:
        return Reason.NO_PIXELS
    if defacing and has_plane(instance):
        return _face_doubt(instance)
    return None


def _quarantined(reason: Reason | None) -> tuple[Verdict, Reason] | None:
    return (Verdict.QUARANTINED, reason) if reason else None


def _is_burned_in(instance: Instance) -> bool:
    return instance.burned_in.upper() not in ("", "NO")


def _doubt(instance: Instance, kind: str) -> Reason | None:
    """Why the pixels of an instance may show text, or not be an image with a place."""
    if kind == "text":
        return Reason.MAY_CARRY_TEXT
    if _is_burned_in(instance):
        return Reason.BURNED_IN
    secondary_types = set(load_yaml(_SIGNALS)["image_type"])
    if instance.conversion_type or _types(instance) & secondary_types:
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
    signals = load_yaml(_SIGNALS)
    upper = {word.strip().upper() for word in words}
    if upper & set(signals["projections"]):
        return True
    text = "\0".join(upper)
    return any(part in text for part in signals["projection_parts"])


def is_projection(header: Any) -> bool:
    """Whether the pixels of a header are a projection or rendering of a volume (PS3.3 C.8.16.2)."""
    groups = FunctionalGroups.of(header)
    items = [header]
    for sequence in FRAME_TYPES:
        items += groups.items(sequence)

    words: list[str] = []
    for item in items:
        technique = str(item.get("VolumeBasedCalculationTechnique") or "NONE").upper()
        if technique not in _SLICING:
            return True
        for keyword in ("ImageType", "FrameType"):
            types = item.get(keyword) or ()
            words += map(str, types)
    return names_projection(words)


def _types(instance: Instance) -> set[str]:
    parts = instance.image_type.upper().split("\\")
    return set(map(str.strip, parts))


def has_plane(instance: Instance) -> bool:
    """Whether the header may place the image in the patient, as a whole, per frame or per tile."""
    if is_enhanced(instance):
        return True
    return bool(instance.orientation and instance.spacing)


def is_enhanced(instance: Instance) -> bool:
    """Whether geometry is in functional groups (PS3.3 C.7.6.16)."""
    return instance.sop_class in load_yaml(_SIGNALS)["enhanced"]
