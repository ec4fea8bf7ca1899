"""What the output says about itself: dataset.json."""

from __future__ import annotations

from typing import Any

from deidflow.bulk.output import DESCRIPTION
from deidflow.header.completeness import is_complete
from deidflow.header.profile import Profile
from deidflow.release.dataset import (
    HEADERS,
    STANDARD,
    identity_claims,
    profile_codes,
    profile_reference,
)
from deidflow.settings.anonymize import AnonymizeSettings
from deidflow.settings.profile_warnings import profile_warnings
from deidflow.store.files import write_json_atomic
from deidflow.store.scratch import PUBLIC_FILE_MODE
from deidflow.version import __version__


def write_description(settings: AnonymizeSettings, profile: Profile) -> None:
    """Write the rules by which the output was made; no clock, no path."""
    complete = is_complete(profile)
    row: dict[str, Any] = {
        "name": HEADERS,
        "deidflow": __version__,
        "project": settings.project,
        "level": settings.level,
        "profile": profile_reference(profile),
        "standard": STANDARD,
        "de-identified": "by PS3.15" if complete else "not de-identified",
        "codes": profile_codes(profile) if complete else [],
        "faces": "not touched: headers only",
    }

    row |= identity_claims(profile)
    notes = list(profile_warnings(settings, profile))
    if notes:
        row["notes"] = notes
    write_json_atomic(
        settings.out / DESCRIPTION,
        row,
        PUBLIC_FILE_MODE,
        indent=2,
    )
