"""A profile: PS3.15 Table E.1-1, the options that were declared, and deviations with reasons."""

from __future__ import annotations

import difflib
from functools import lru_cache
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from deidflow.errors import ConfigError
from deidflow.resources import load_yaml

Option = Literal[
    "retain_safe_private",
    "retain_longitudinal_modified_dates",
    "retain_patient_characteristics",
    "clean_descriptors",
]
ActionName = Literal[
    "remove", "empty", "keep", "dummy", "uid", "pseudonym", "date", "bin", "age", "words", "tokens", "recurse"
]
OPTION_COLUMNS: dict[str, str] = {
    "retain_safe_private": "rtn_safe_private",
    "retain_longitudinal_modified_dates": "rtn_long_modif_dates",
    "retain_patient_characteristics": "rtn_patient_chars",
    "clean_descriptors": "clean_desc",
}
OPTION_CODES: dict[str, tuple[str, str]] = {
    "clean_descriptors": ("113105", "Clean Descriptors Option"),
    "retain_longitudinal_modified_dates": (
        "113107",
        "Retain Longitudinal Temporal Information Modified Dates Option",
    ),
    "retain_patient_characteristics": ("113108", "Retain Patient Characteristics Option"),
    "retain_safe_private": ("113111", "Retain Safe Private Option"),
}
"""Codes of CID 7050 for the options that deidflow applies."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Deviation(_Model):
    """An attribute that gets another action than the table asks for, and why."""

    attribute: str
    action: ActionName
    reason: str
    fallback: ActionName = "remove"
    """With action `words`: what becomes of a text of which no word may stay."""
    step: str = ""
    """Width of the bins for action `bin`, as a decimal number."""


class Dates(_Model):
    """What becomes of DA, TM and DT values."""

    mode: Literal["shift", "clock"]
    keep: tuple[str, ...] = ()
    """With `clock`: the attributes that keep their distance from the start of the study."""


class Profile(_Model):
    """One profile as its YAML file says it."""

    name: str
    title: str
    options: tuple[Option, ...]
    dates: Dates
    private: tuple[Literal["safe", "physics"], ...] = ()
    deviations: tuple[Deviation, ...] = Field(default=())

    @property
    def codes(self) -> tuple[tuple[str, str], ...]:
        """Codes of CID 7050: the basic profile and the options applied."""
        return (
            ("113100", "Basic Application Confidentiality Profile"),
            *(OPTION_CODES[o] for o in self.options),
        )

    def without_private(self) -> Profile:
        """The same profile, keeping no private element."""
        options = tuple(option for option in self.options if option != "retain_safe_private")
        return self.model_copy(update={"private": (), "options": options})


@lru_cache(maxsize=8)
def load_profile(name: str) -> Profile:
    """The profile `name` of `configs/profiles`; raises ConfigError for an unknown name or key."""
    try:
        raw: dict[str, Any] = load_yaml(f"profiles/{name}.yaml")
    except FileNotFoundError:
        raise ConfigError(f"there is no profile '{name}'") from None
    try:
        return Profile(**raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"profile '{name}', key '{where}': {first['msg']}") from None


def tag_of(attribute: str) -> int:
    """The tag of a keyword or `gggg,eeee`; raises ConfigError with the nearest keyword."""
    from pydicom.datadict import keyword_dict, tag_for_keyword

    if "," in attribute:
        return int(attribute.replace(",", ""), 16)
    tag = tag_for_keyword(attribute)
    if tag is None:
        near = difflib.get_close_matches(attribute, list(keyword_dict), n=1)
        raise ConfigError(f"no attribute '{attribute}'" + (f"; did you mean '{near[0]}'?" if near else ""))
    return int(tag)
