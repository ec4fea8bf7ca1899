"""Norms and list-mode data of PET, which NiftyPET needs: headers are cleaned, data stay whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from deidflow.bulk.locate import Located
from deidflow.bulk.read import ReadFile
from deidflow.dicom.inventory import Entry
from deidflow.dicom.manifest import Category, Manifest
from deidflow.dicom.raw_data import RawKind, payloads, raw_classes, raw_kind
from deidflow.errors import Withheld
from deidflow.header.csa import holds_fields
from deidflow.header.profile import Deviation, Profile
from deidflow.verdicts import Reason, Verdict

_CREATORS = ("SIEMENS CSA NON-IMAGE", "SIEMENS MED NM", "SIEMENS MEDCOM HEADER")
_REASON = "raw data stay whole, or the object is not released"


def raw_rows(
    rows: Sequence[ReadFile], located: Located, manifest: Manifest, *, keeps_private: bool
) -> list[ReadFile]:
    """The rows, those of raw data that cannot be let through with a verdict."""
    judged = []
    for row in rows:
        category = manifest.of_file(row.entry.path).category
        reason = _reason(row.entry, located, category, keeps_private)
        if reason is not None:
            entry = Entry(
                row.entry.path,
                row.entry.sha256,
                _VERDICTS.get(reason, Verdict.EXCLUDED),
                reason,
                None,
            )
            row = row._replace(entry=entry)
        judged.append(row)
    return judged


_VERDICTS = {Reason.MANIFEST_CATEGORY: Verdict.QUARANTINED}


def _reason(
    entry: Entry, located: Located, category: Category | None, keeps_private: bool
) -> Reason | None:
    """Why raw data cannot be let through; None for norms, list-mode data and everything else.

    What an object does not say itself, the category of a manifest says.
    """
    instance = entry.instance
    if instance is None or instance.sop_class not in raw_classes():
        return None
    kind = raw_kind(instance, located.place_of(entry.path))
    claimed = category.raw_kind if category is not None else None
    if claimed is not None:
        kind = claimed if kind is RawKind.UNKNOWN else kind
        if kind is not claimed:
            return Reason.MANIFEST_CATEGORY
    if kind not in _LET_THROUGH:
        return Reason.RAW_DATA
    return None if keeps_private else Reason.RAW_STRIPPED


_LET_THROUGH = (RawKind.NORM, RawKind.LIST)


def raw_paths(rows: Iterable[ReadFile]) -> frozenset[str]:
    """The paths of raw data that are let through."""
    paths = set()
    for row in rows:
        instance = row.entry.instance
        if instance is not None and instance.sop_class in raw_classes():
            paths.add(row.entry.path)
    return frozenset(paths)


def raw_profile(profile: Profile) -> Profile:
    """The profile for raw data: CSA headers scrubbed in place, the data themselves untouched."""
    kept = []
    for creator in _CREATORS:
        deviation = Deviation(
            attribute=f"7FE1,[{creator}]10",
            action="retain",
            reason=_REASON,
        )
        kept.append(deviation)
    scrubbed = profile.model_copy(update={"csa": "scrub"})
    return scrubbed.deviating(tuple(kept))


def check_whole(before: bytes, after: bytes) -> None:
    """Raise Withheld where the raw data of an object are not whole, or hold fields of a patient."""
    data = payloads(before)
    if payloads(after) != data:
        raise Withheld(Reason.RAW_STRIPPED)
    if any(map(holds_fields, data.values())):
        raise Withheld(Reason.RAW_TEXT)
