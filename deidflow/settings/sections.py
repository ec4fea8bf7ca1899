"""Sections of a configuration about headers and identities, shared by `run` and `anonymize`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from deidflow.errors import ConfigError
from deidflow.header.profile import Category
from deidflow.header.selectors import parse_selector

DEFAULT_UID_ROOT = "2.25"
"""The root of UIDs that are made from a number (PS3.5 section B.2)."""
Strategy = Literal["sequential", "none", "folder", "deterministic", "csv", "name"]
_UID = re.compile(r"[0-2](\.(0|[1-9]\d*))+")
_STANDARD_ROOT = "1.2.840.10008."
_LONGEST_ROOT = 39
"""24 digits of the hash and a dot must follow within 64 characters."""
_WEAK = ("md5", "sha1", "sha-1", "md4", "crc32")


class Section(BaseModel):
    """A section of a configuration: unknown keys are errors, values never change."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _as_percent(value: Any) -> Any:
    """`10 %` as 10; another value as it is."""
    if isinstance(value, str):
        return value.strip().removesuffix("%").strip()
    return value


Percent = Annotated[float, BeforeValidator(_as_percent), Field(ge=0, le=100)]


class ReviewSettings(Section):
    """What people have to look at before a release is final."""

    sample: Percent = 10.0
    """Percent of the released series that are drawn, by a hash with the vault's key."""
    again: Percent = 5.0
    """Percent of these that are shown a second time, to see whether people agree."""


class CsvSettings(Section):
    """A table that says what each patient is called."""

    path: Path
    source_column: str = "PatientID"
    target_column: str = "pseudonym"
    missing: Literal["error", "sequential", "hash"] = "error"
    """What to do with a patient whom the table does not name."""


class FolderSettings(Section):
    """A part of the source's folder names as the pseudonym."""

    depth: int = Field(default=1, ge=1, le=10)
    """Which folder below the source, counted from 1."""
    regex: str = "(.+)"
    """The first group is the pseudonym."""
    fallback: Literal["error", "sequential", "hash"] = "error"
    """What to do with a folder that the expression does not match."""

    @field_validator("regex")
    @classmethod
    def _has_group(cls, text: str) -> str:
        try:
            groups = re.compile(text).groups
        except re.error as error:
            raise ValueError(f"is not a valid regular expression: {error.msg}") from None
        if groups < 1:
            raise ValueError(
                "has no group; put the part that names the subject in parentheses, "
                "as in 'sub-([0-9]+)'"
            )
        return text


class IdSettings(Section):
    """How subjects are named."""

    strategy: Strategy = "sequential"
    prefix: str = Field(default="P", pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,15}$|^$")
    start: int = Field(default=1, ge=0)
    width: int = Field(default=3, ge=1, le=12)
    """With `sequential`: digits of the number."""
    discovery: Literal["all", "per_top_folder", "one_per_study"] = "all"
    """Who is one subject: a PatientID, a folder at the top of the source, or a study."""
    manifest: Literal["names", "groups", "kept"] = "names"
    """What a manifest's subjects and sessions are: names in the release, which may not identify;
    groups only, named as the strategy says; or names that are kept whatever they are."""
    hash: Literal["blake2b", "sha256"] = "blake2b"
    length: int = Field(default=12, ge=10, le=32)
    """With `deterministic` and `name`: hexadecimal digits."""
    folder: FolderSettings = FolderSettings()
    csv: CsvSettings | None = None

    @field_validator("hash", mode="before")
    @classmethod
    def _strong(cls, name: Any) -> Any:
        if str(name).lower() in _WEAK:
            raise ValueError(
                f"{name} is refused: anyone with a list of IDs can undo it; "
                "use blake2b or sha256, which are keyed"
            )
        return name

    @model_validator(mode="after")
    def _fits(self) -> IdSettings:
        limit = 10**self.width
        if self.strategy == "sequential" and self.start >= limit:
            raise ValueError(
                f"start {self.start} has more digits than width {self.width}; raise the width"
            )
        if self.strategy == "csv" and self.csv is None:
            raise ValueError("strategy csv needs the section 'csv' with the path of the table")
        return self


def _selector(text: str) -> str:
    try:
        parse_selector(text)
    except ConfigError as error:
        raise ValueError(str(error)) from None
    return text


Attribute = Annotated[str, AfterValidator(_selector)]
"""Names an attribute or a family of them, as `parse_selector` reads it."""


class HeaderSettings(Section):
    """What a site asks of headers beyond its profile."""

    remove: tuple[Attribute, ...] = ()
    replace: dict[Attribute, str] = Field(default_factory=dict)
    keep: tuple[Attribute, ...] = ()
    categories: dict[Category, bool] = Field(default_factory=dict)
    """Groups of attributes that are removed (true) or kept (false), whatever the profile says."""
    days_since: str = ""
    """Days from then to each study are written: `first-study`, or the keyword of a date."""
    shift_days: int | None = Field(default=None, ge=-36500, le=36500)
    """The same number of days for everybody, instead of a secret one per patient."""
    keep_uids: bool = False
    uid_root: str = DEFAULT_UID_ROOT
    csa: Literal["profile", "remove", "scrub"] = "profile"
    vocabulary: tuple[str, ...] = ()
    """Further words that may stay in descriptions."""

    @field_validator("uid_root")
    @classmethod
    def _root(cls, text: str) -> str:
        if not _UID.fullmatch(text):
            raise ValueError(
                "is not a valid UID: numbers without leading zeros, separated by dots "
                "(PS3.5 section 9)"
            )
        if f"{text}.".startswith(_STANDARD_ROOT):
            raise ValueError(
                "belongs to the DICOM standard; use a root that was given to your site"
            )
        if len(text) > _LONGEST_ROOT:
            raise ValueError(
                f"is too long: at most {_LONGEST_ROOT} characters, so that enough digits can follow"
            )
        return text


class SessionSettings(Section):
    """How sessions are labelled: months since the first published study."""

    snap_months: int = Field(default=0, ge=0, le=60)
    """Months are rounded to multiples of this if they are near enough; 0 does not round."""
    tolerance_months: float = Field(default=1.0, ge=0, le=12)
    """How near is near enough, in months."""
    min_offset_months: float = Field(default=0.0, ge=0, le=12)
    """Studies within this time after the first one count as M00."""


class NotifySettings(Section):
    """Where a run reports failures and quarantine; messages have pseudonyms and counts only."""

    webhook: str = Field(default="", pattern=r"^(https?://\S+)?$")
    """Address that gets a JSON message by POST."""
