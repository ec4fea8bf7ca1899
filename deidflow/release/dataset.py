"""dataset.json of a release: what was done, by which rules and tools, and whether it is final."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from deidflow.header.completeness import is_complete, keeps_uids
from deidflow.header.profile import Profile
from deidflow.header.rules import compile_profile
from deidflow.release.layout import Layout
from deidflow.store.files import digest_of, read_json, write_json_atomic
from deidflow.store.scratch import PUBLIC_FILE_MODE
from deidflow.version import __version__

DATASET = "dataset.json"
HEADERS = "deidflow headers"
"""What the output of `deidflow anonymize` calls itself."""
STANDARD = "DICOM PS3.15 Table E.1-1, 2026d"

_PATIENT_ID = 0x00100020
_PATIENT_IDS = {
    "empty": "empty",
    "remove": "empty",
    "hash": "hash",
    "keep": "kept",
    "retain": "kept",
}
"""What an action leaves of PatientID."""


@dataclass(frozen=True)
class ReviewRow:
    """How far the review of a release is."""

    sample_percent: float
    again_percent: float
    cases: int = 0
    """Looks at published series that were drawn."""
    signed_off: int = 0
    """Of these, how many are accepted as they stand."""
    second_looks: int = 0
    """Cases that were decided twice."""
    kappa: float | None = None
    """Agreement of these; None where it says nothing."""

    @property
    def is_final(self) -> bool:
        """Whether all that was drawn is signed off."""
        return 0 < self.cases == self.signed_off


def profile_reference(profile: Profile) -> dict[str, str]:
    """Name and content hash of a profile, for dataset.json."""
    content = profile.model_dump(mode="json")
    return {"name": profile.name, "digest": digest_of(content)}


def profile_codes(profile: Profile) -> list[str]:
    """The codes of DeidentificationMethodCodeSequence with their meanings, for dataset.json."""
    codes: list[str] = []
    for code, meaning in profile.codes:
        codes.append(f"{code} {meaning}")
    return codes


def write_dataset(
    layout: Layout,
    profile: Profile,
    release_id: str,
    tools: Mapping[str, str],
    defaced: bool,
    refaced: bool = False,
    masks_released: bool = True,
    notes: Sequence[str] = (),
    review: ReviewRow | None = None,
) -> None:
    """Write dataset.json: what was done, by which rules and tools, and what settings let out.

    It contains no clock and no path, so that equal releases have equal files.
    """
    description: dict[str, Any] = {
        "name": "deidflow release",
        "deidflow": __version__,
        "release_id": release_id,
        "project": layout.project,
        "level": layout.level,
        "profile": profile_reference(profile),
        "standard": STANDARD,
        "codes": profile_codes(profile),
        "faces": "removed" if defaced else "kept",
        "tools": dict(tools),
    }

    description |= identity_claims(profile)
    if refaced:
        description["faces_replaced_by"] = "an average face"
    if not masks_released:
        description["masks"] = "not released"
    if not is_complete(profile):
        description["de-identified"] = "not de-identified"
        description["codes"] = []
    if notes:
        description["notes"] = list(notes)
    if review is not None:
        description |= _review_fields(review)
    _write(layout.release, description)


def identity_claims(profile: Profile) -> dict[str, str]:
    """What dataset.json says where PatientID is not the pseudonym, or where UIDs stay."""
    rules = compile_profile(profile)
    claims: dict[str, str] = {}
    number = rules.for_tag(_PATIENT_ID, "LO").action
    if number != "pseudonym":
        claims["patient_id"] = _PATIENT_IDS.get(number, "other")
    if keeps_uids(profile):
        claims["uids"] = "kept"
    return claims


def read_review(release: Path) -> ReviewRow | None:
    """What dataset.json says of the review; None for a release that keeps faces, or an older one.

    What cannot be read is taken as nothing.
    """
    description = read_json(release / DATASET)
    if not isinstance(description, dict):
        return None
    try:
        return ReviewRow(**description["review"])
    except (KeyError, TypeError):
        return None


def write_review(release: Path, review: ReviewRow) -> None:
    """Put into dataset.json how far the review is, and whether the release is final."""
    description = read_json(release / DATASET)
    if isinstance(description, dict):
        _write(release, description | _review_fields(review))


def _review_fields(review: ReviewRow) -> dict[str, Any]:
    return {"review": asdict(review), "final": review.is_final}


def _write(release: Path, description: Mapping[str, Any]) -> None:
    write_json_atomic(
        release / DATASET,
        description,
        PUBLIC_FILE_MODE,
        indent=2,
    )
