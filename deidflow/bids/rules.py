"""Rules that name images: those of the project, and a site's own before them."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    field_validator,
    model_validator,
)

from deidflow.bids.kinds import kind_of
from deidflow.bids.names import ENTITIES, BidsName, Facts, VolumeType
from deidflow.bids.sidecars import is_right
from deidflow.documents import Document, read_document, reason_of
from deidflow.errors import ConfigError
from deidflow.nifti.guess import bids_suffixes
from deidflow.resources import load_yaml

_LABEL = re.compile(r"[A-Za-z0-9]+")
_BETWEEN_WORDS = re.compile(r"[\W_]+")


class NameRule(BaseModel):
    """Conditions, and the name of the images that fit all of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^(|[a-z]+/[A-Za-z0-9]+)$")
    entities: dict[str, str] = Field(default_factory=dict)
    modality: str = ""
    series: str = ""
    series_not: str = ""
    sequence: str = ""
    output: str = ""
    image_type: str = ""
    volumes: int = Field(default=0, ge=0)
    single: bool = False
    gradients: bool = False
    sidecar: dict[str, JsonValue] = Field(default_factory=dict)
    """Fields that BIDS requires and the scanner does not write."""
    context: tuple[VolumeType, ...] = ()
    """What the volumes of an ASL run are, the last of them again and again."""

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        datatype, _, suffix = name.partition("/")
        if name and suffix not in bids_suffixes().get(datatype, ()):
            raise ValueError("is not a BIDS data type and suffix, such as 'anat/T1w'")
        return name

    @field_validator("entities")
    @classmethod
    def _legal(cls, entities: dict[str, str]) -> dict[str, str]:
        for entity, label in entities.items():
            if entity not in ENTITIES or not _LABEL.fullmatch(label):
                raise ValueError("must hold BIDS entities with labels of letters and digits")
        return entities

    @field_validator("sidecar")
    @classmethod
    def _right(cls, sidecar: dict[str, JsonValue]) -> dict[str, JsonValue]:
        for key, value in sidecar.items():
            if not is_right(key, value):
                raise ValueError(f"holds a value for {key} that BIDS does not allow")
        return sidecar

    @model_validator(mode="after")
    def _of_labelling(self) -> NameRule:
        if self.context and self.name != "perf/asl":
            raise ValueError("only 'perf/asl' has a context")
        return self

    @model_validator(mode="after")
    def _of_this_kind(self) -> NameRule:
        """Entities that images of this name do not have would make the name invalid."""
        name = self.named()
        if name is not None:
            legal = kind_of(name).entities
            for entity in self.entities:
                if entity not in legal:
                    raise ValueError(f"{self.name} has no entity '{entity}' in BIDS")
        return self

    @field_validator("series", "series_not", "sequence", "output")
    @classmethod
    def _expression(cls, text: str) -> str:
        try:
            re.compile(text)
        except re.error as error:
            raise ValueError(f"is not a valid regular expression: {error.msg}") from None
        return text

    def fits(self, facts: Facts) -> bool:
        """Whether an image meets every condition."""
        if self.modality and self.modality != facts.modality:
            return False

        if self.image_type and self.image_type not in facts.image_type:
            return False

        if self.gradients and not facts.has_gradients:
            return False

        if facts.volumes < self.volumes or (self.single and facts.volumes > 1):
            return False

        return self._fits_texts(facts)

    def _fits_texts(self, facts: Facts) -> bool:
        text = facts.text
        if self.series_not and _is_in_words(self.series_not, text):
            return False

        if self.series and not _is_in_words(self.series, text):
            return False

        if self.sequence and not _is_in(self.sequence, facts.sequence):
            return False

        return not self.output or _is_in(self.output, facts.output)

    def named(self) -> BidsName | None:
        """The name; None for an image that goes to sourcedata."""
        datatype, _, suffix = self.name.partition("/")
        if not self.name:
            return None
        return BidsName(
            datatype,
            suffix,
            self.entities,
        )


def _is_in(pattern: str, text: str) -> bool:
    found = re.search(pattern, text, re.IGNORECASE)
    return found is not None


def _is_in_words(pattern: str, text: str) -> bool:
    """Whether a description matches as it is, or with spaces for `_` and other signs."""
    if _is_in(pattern, text):
        return True
    spaced = _BETWEEN_WORDS.sub(" ", text)
    return _is_in(pattern, spaced)


def load_rules(path: Path | None) -> tuple[NameRule, ...]:
    """A site's rules from a YAML list, before those of the project; raises ConfigError."""
    if path is None:
        return _standard_rules()
    document = read_document(path, "table of BIDS names")
    rows = document.value or []
    if not isinstance(rows, list):
        raise ConfigError(f"{document.where()}: must hold a list of rules")

    site = []
    for number, row in enumerate(rows):
        site.append(
            _read_rule(
                row,
                number,
                document,
            )
        )
    return (*site, *_standard_rules())


def _read_rule(row: Any, number: int, document: Document) -> NameRule:
    """One rule of a site; raises ConfigError with its line."""
    place = document.where([number])
    if not isinstance(row, dict):
        raise ConfigError(f"{place}: is not a rule; expected conditions and a name")
    try:
        return NameRule(**row)
    except (ValidationError, TypeError) as error:
        if not isinstance(error, ValidationError):
            raise ConfigError(f"{place}: the keys of a rule must be names") from None
        first = error.errors()[0]
        names = map(str, first["loc"])
        key = ".".join(names) or "entities"
        message = reason_of(first)
        raise ConfigError(f"{place}: '{key}': {message}") from None


@lru_cache(maxsize=1)
def _standard_rules() -> tuple[NameRule, ...]:
    rows = load_yaml("standard/bids_names.yaml")
    return tuple(NameRule(**row) for row in rows)
