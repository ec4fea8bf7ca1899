"""What a release says of itself, and what its files are therefore held to."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydicom.datadict import tag_for_keyword

from deidflow.errors import UsageError
from deidflow.resources import load_yaml
from deidflow.verifier.table import BASIC, OPTIONS, RETAIN_UIDS

_COLUMNS = {
    "retain_safe_private": "rtn_safe_private",
    "retain_uids": "rtn_uids",
    "retain_device_identity": "rtn_device",
    "retain_institution_identity": "rtn_institution",
    "retain_patient_characteristics": "rtn_patient_chars",
    "retain_longitudinal_full_dates": "rtn_long_full_dates",
    "retain_longitudinal_modified_dates": "rtn_long_modif_dates",
    "clean_descriptors": "clean_desc",
    "clean_structured_content": "clean_struct",
    "clean_graphics": "clean_graph",
}
"""Options as profiles call them, and their columns of the table."""
PROFILES = ("basic", "clinical-trial", "low", "high", "research", "pseudonymize")
"""Shipped profiles, which are data that can be read here."""
LEVELS = ("low", "high")
_COMPLETE, _HEADERS = "by PS3.15", "deidflow headers"


@dataclass(frozen=True)
class Promise:
    """What one profile promises, read from its data file."""

    codes: frozenset[str]
    removed: frozenset[int] = frozenset()
    """Attributes that a deviation removes."""
    steps: dict[int, Decimal] = field(default_factory=dict)
    """Attributes that are floored to a step."""
    dates: str = ""
    search: frozenset[str] = frozenset()
    """Kinds of identifiers that are cut out of text; empty for all."""
    binned_ages: bool = False


@dataclass(frozen=True)
class Claims:
    """What files are held to."""

    promise: Promise
    level: str
    is_ours: bool
    """Whether it is a release that deidflow describes."""
    is_described: bool = False
    """Whether deidflow describes itself as the maker, of a release or of headers alone."""
    identified: bool = False
    """Whether the release says that it is not de-identified."""
    faces_removed: bool = False
    patient_id: str = "pseudonym"
    """What PatientID is; `empty` for none at all."""
    uids_kept: bool = False
    """Whether UIDs are those of the source, on purpose."""
    faces_replaced: bool = False
    """Whether an average face may be in the place of those that were removed."""
    masks_released: bool = True
    fixed: bool = True
    """Whether the claims of single files do not count, as in a release of ours."""

    @property
    def retains_uids(self) -> bool:
        """Whether UIDs may be those of the source."""
        return self.uids_kept or RETAIN_UIDS in self.promise.codes


@dataclass(frozen=True)
class Description:
    """The parts of a release's dataset.json that are claims."""

    level: str
    profile: str
    project: str
    codes: frozenset[str]
    faces_removed: bool
    faces_replaced: bool
    masks_released: bool
    identified: bool
    patient_id: str
    uids_kept: bool
    is_release: bool
    """Whether it is of a release; else of headers alone, in whatever layout."""

    @classmethod
    def read(cls, release: Path) -> Description | None:
        """The description of a release; None for a folder that deidflow did not make.

        Raises UsageError for one that cannot be understood.
        """
        path = release / "dataset.json"
        if not path.is_file():
            return None
        try:
            loaded = json.loads(path.read_bytes())
        except ValueError:
            raise UsageError("dataset.json of the release is not JSON") from None
        if not isinstance(loaded, dict) or "deidflow" not in loaded:
            return None
        return cls._of(loaded)

    @classmethod
    def _of(cls, loaded: dict[str, Any]) -> Description:
        profile = loaded.get("profile")
        codes = [str(entry).partition(" ")[0] for entry in loaded.get("codes", [])]
        return cls(
            level=str(loaded.get("level", "")),
            profile=str(profile.get("name", "")) if isinstance(profile, dict) else "",
            project=str(loaded.get("project", "default")),
            codes=frozenset(codes),
            faces_removed=loaded.get("faces") == "removed",
            faces_replaced="faces_replaced_by" in loaded,
            masks_released=loaded.get("masks") != "not released",
            identified=loaded.get("de-identified", _COMPLETE) != _COMPLETE,
            patient_id=str(loaded.get("patient_id", "pseudonym")),
            uids_kept=loaded.get("uids") == "kept",
            is_release=loaded.get("name") != _HEADERS,
        )


def claims_of(description: Description | None, level: str) -> Claims:
    """What a release is held to: its own description, or the level that was asked for."""
    if description is None:
        asked = promise_of(level or "low")
        return Claims(
            asked,
            level,
            is_ours=False,
            fixed=bool(level),
        )
    is_held_to_another = bool(level) and level != description.level
    promise = promise_of(level) if is_held_to_another else _own_promise(description)

    return Claims(
        promise=promise,
        level=level or description.level,
        is_ours=description.is_release,
        is_described=True,
        identified=description.identified,
        faces_removed=description.faces_removed,
        faces_replaced=description.faces_replaced,
        masks_released=description.masks_released,
        patient_id=description.patient_id,
        uids_kept=description.uids_kept,
    )


def _own_promise(description: Description) -> Promise:
    """What a release promises; a profile of a site is known by its codes only."""
    if description.profile not in PROFILES:
        return Promise(description.codes)
    return replace(
        promise_of(description.profile),
        codes=description.codes,
    )


@dataclass(frozen=True)
class _ProfileData:
    """The keys of a profile's data file that are promises."""

    options: tuple[str, ...] = ()
    dates: str = "remove"
    search: frozenset[str] = frozenset()
    binned: bool = False
    deviations: tuple[dict[str, str], ...] = ()

    @classmethod
    def read(cls, profile: str) -> _ProfileData:
        """A profile's data with what it takes over from the profiles that it extends."""
        own = load_yaml(f"profiles/{profile}.yaml")
        parent = own.get("extends", "")
        above = cls.read(parent) if parent else cls()
        dates = own.get("dates", {})
        return cls(
            options=tuple(own.get("options", above.options)),
            dates=str(dates.get("mode", above.dates)),
            search=frozenset(own.get("search", above.search)),
            binned=bool(own.get("binned", above.binned)),
            deviations=(*above.deviations, *own.get("deviations", ())),
        )


def promise_of(profile: str) -> Promise:
    """What a shipped profile promises."""
    data = _ProfileData.read(profile)
    removed: set[int] = set()
    steps: dict[int, Decimal] = {}
    for deviation in data.deviations:
        tag = tag_for_keyword(deviation["attribute"])
        if tag is None:
            continue
        if deviation["action"] == "remove":
            removed.add(tag)
        elif deviation["action"] == "bin":
            steps[tag] = Decimal(deviation["step"])

    columns = [_COLUMNS[option] for option in data.options]
    codes = [OPTIONS[column] for column in columns]
    return Promise(
        codes=frozenset((BASIC, *codes)),
        removed=frozenset(removed),
        steps=steps,
        dates=data.dates,
        search=data.search,
        binned_ages=data.binned,
    )
