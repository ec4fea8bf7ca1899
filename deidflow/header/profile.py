"""A profile: PS3.15 Table E.1-1, the options that were declared, and deviations with reasons."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from deidflow.dicom.dictionary import dictionary_vrs, keyword_tags
from deidflow.errors import ConfigError
from deidflow.header.selectors import parse_selector

Option = Literal[
    "retain_safe_private",
    "retain_uids",
    "retain_device_identity",
    "retain_institution_identity",
    "retain_patient_characteristics",
    "retain_longitudinal_full_dates",
    "retain_longitudinal_modified_dates",
    "clean_descriptors",
    "clean_structured_content",
    "clean_graphics",
]
ActionName = Literal[
    "remove",
    "empty",
    "keep",
    "retain",
    "dummy",
    "replace",
    "uid",
    "pseudonym",
    "hash",
    "date",
    "bin",
    "age",
    "words",
    "tokens",
    "timepoint",
    "recurse",
]
Category = Literal["patient", "clinical_trial", "provider", "institution", "dates"]
Kind = Literal["name", "staff", "id", "number", "contact", "text", "birth", "date"]
FIRST_STUDY = "first-study"
BIRTH = "PatientBirthDate"
OPTION_COLUMNS: dict[str, str] = {
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
OPTION_CODES: dict[str, tuple[str, str]] = {
    "clean_graphics": ("113103", "Clean Graphics Option"),
    "clean_structured_content": ("113104", "Clean Structured Content Option"),
    "clean_descriptors": ("113105", "Clean Descriptors Option"),
    "retain_longitudinal_full_dates": (
        "113106",
        "Retain Longitudinal Temporal Information Full Dates Option",
    ),
    "retain_longitudinal_modified_dates": (
        "113107",
        "Retain Longitudinal Temporal Information Modified Dates Option",
    ),
    "retain_patient_characteristics": ("113108", "Retain Patient Characteristics Option"),
    "retain_device_identity": ("113109", "Retain Device Identity Option"),
    "retain_uids": ("113110", "Retain UIDs Option"),
    "retain_safe_private": ("113111", "Retain Safe Private Option"),
    "retain_institution_identity": ("113112", "Retain Institution Identity Option"),
}
"""Codes of CID 7050 for the options."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Deviation(_Model):
    """An attribute that gets another action than the table asks for, and why."""

    attribute: str
    action: ActionName
    reason: str
    fallback: ActionName = "remove"
    """With action `words`: what becomes of a text of which no word may stay."""
    step: str = Field(default="", pattern=r"^(\d+(\.\d+)?)?$")
    """Width of the bins for action `bin`, as a decimal number."""
    value: str = ""
    """With action `replace`: the new value."""
    create: bool = False
    """With action `replace`: whether the attribute is added to headers that lack it."""

    @field_validator("attribute")
    @classmethod
    def _known(cls, text: str) -> str:
        try:
            parse_selector(text)
        except ConfigError as error:
            raise ValueError(str(error)) from None
        return text


class Dates(_Model):
    """What becomes of DA, TM and DT values."""

    mode: Literal["shift", "clock", "remove", "keep", "timepoint"] = "remove"
    """`remove` and `timepoint` follow the table; `timepoint` writes the session's label too."""
    keep: tuple[str, ...] = ()
    """With `clock`: the attributes that keep their distance from the start of the study."""
    days: int | None = Field(default=None, ge=-36500, le=36500)
    """With `shift`: this many days for everybody instead of a secret number for each patient."""
    times: Literal["keep", "zero", "remove"] = "keep"
    """With `shift`: what becomes of times of day."""
    label: bool = False
    """Whether the session's label is written into (0012,0050)."""
    since: str = ""
    """Days from then to the study go into (0012,0052): `first-study`, or the keyword of a date."""

    @field_validator("since")
    @classmethod
    def _is_event(cls, text: str) -> str:
        if text in ("", FIRST_STUDY):
            return text
        vr = dictionary_vrs().get(keyword_tags().get(text, 0))
        if vr not in (b"DA", b"DT"):
            raise ValueError(
                f"is neither {FIRST_STUDY} nor the keyword of a date (VR DA or DT), "
                "as PatientBirthDate"
            )
        return text

    @model_validator(mode="after")
    def _days_are_for_shifting(self) -> Dates:
        if self.days is not None and self.mode != "shift":
            raise ValueError(
                f"days are for mode shift; mode {self.mode} has no use for them: "
                "leave one of them out"
            )
        return self


class Profile(_Model):
    """One profile as its YAML file says it."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")
    title: str
    extends: str = ""
    base: Literal["ps315", "none"] = "ps315"
    """`none`: what no deviation names is kept; such a release is marked as not de-identified."""
    options: tuple[Option, ...] = ()
    dates: Dates = Dates()
    private: tuple[Literal["safe", "physics", "all"], ...] = ()
    csa: Literal["remove", "scrub"] = "remove"
    """Siemens CSA headers: gone, or identifiers overwritten in place with the length unchanged."""
    binned: bool = False
    """Whether ages are floored to steps of five years."""
    search: tuple[Kind, ...] = ("name", "staff", "id", "number", "contact", "text", "birth", "date")
    """Which of a patient's own identifiers are cut out of text that stays."""
    classes: tuple[str, ...] = ()
    """SOP Class UIDs, or their names, that are let through although the policy excludes them."""
    categories: dict[Category, bool] = Field(default_factory=dict)
    """Groups of attributes that are removed (true) or kept (false), whatever the table says."""
    deviations: tuple[Deviation, ...] = ()

    @property
    def codes(self) -> tuple[tuple[str, str], ...]:
        """Codes of CID 7050: the basic profile and the options applied."""
        return (
            ("113100", "Basic Application Confidentiality Profile"),
            *(OPTION_CODES[o] for o in self.options),
        )

    @property
    def cleans_reports(self) -> bool:
        """Whether content items are judged by their concepts, or kept as all else is."""
        return self.base == "none" or "clean_structured_content" in self.options

    def without_private(self) -> Profile:
        """The same profile, keeping no private element."""
        options = tuple(option for option in self.options if option != "retain_safe_private")
        return self.model_copy(update={"private": (), "options": options})

    def deviating(self, more: tuple[Deviation, ...]) -> Profile:
        """The same profile with further deviations, which win over its own."""
        return self.model_copy(update={"deviations": (*self.deviations, *more)})
