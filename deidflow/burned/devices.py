"""Rules of devices: which rectangles of their images are blanked, and which texts are harmless.

deidflow brings some (`configs/burned/devices.yaml`); a site adds files of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydicom.datadict import dictionary_VR, keyword_dict, tag_for_keyword

from deidflow.burned.rectangles import Rectangle
from deidflow.documents import Document, read_document, reason_of
from deidflow.errors import ConfigError
from deidflow.resources import load_yaml
from deidflow.spelling import did_you_mean
from deidflow.store.files import digest_of

DATA = "burned/devices.yaml"
_NOT_COMPARED = ("SQ", "OB", "OW", "OF", "OD", "UN")


class RectangleRule(BaseModel):
    """A rectangle as a rule writes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    top: int = Field(ge=0)
    left: int = Field(ge=0)
    rows: int = Field(gt=0)
    columns: int = Field(gt=0)
    frames: tuple[int, ...] = ()
    """Numbers from 1; none means all."""


class DeviceRule(BaseModel):
    """What is done to the images of one kind of device."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{1,63}$")
    match: dict[str, str | int] = Field(min_length=1)
    """Attribute -> its value, in which `*` stands for anything; all must fit."""
    blank: tuple[RectangleRule, ...] = ()
    texts: tuple[str, ...] = ()
    """What the device writes on every image, in which `*` stands for anything."""
    faceless: bool = False
    """These images never show a face, so that they may go out without a place in the patient."""

    @field_validator("match")
    @classmethod
    def _known(cls, match: dict[str, str | int]) -> dict[str, str | int]:
        for keyword in match:
            tag = tag_for_keyword(keyword)
            if tag is None:
                hint = did_you_mean(keyword, keyword_dict)
                raise ValueError(f"'{keyword}' is not an attribute{hint}")
            if dictionary_VR(tag) in _NOT_COMPARED:
                raise ValueError(f"'{keyword}' has no value that can be compared")
        return match

    @field_validator("texts")
    @classmethod
    def _says_something(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        for text in texts:
            if not any(map(str.isalnum, text)):
                raise ValueError(f"'{text}' fits any text; write what the device writes")
        return texts

    def fits(self, values: Mapping[str, str]) -> bool:
        """Whether a header has all the values that the rule asks for, by its values."""
        return all(_fits(values[keyword], str(pattern)) for keyword, pattern in self.match.items())

    @property
    def rectangles(self) -> tuple[Rectangle, ...]:
        """What is blanked."""
        rectangles = []
        for rule in self.blank:
            rectangle = Rectangle(**rule.model_dump())
            rectangles.append(rectangle)
        return tuple(rectangles)


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    rules: tuple[DeviceRule, ...]


@dataclass(frozen=True)
class Treatment:
    """What all rules that fit an image say of it."""

    rectangles: tuple[Rectangle, ...] = ()
    texts: tuple[str, ...] = ()
    faceless: bool = False
    rules: tuple[str, ...] = ()
    """Names of the rules."""

    def with_rectangles(self, more: Iterable[Rectangle]) -> Treatment:
        """The same with further rectangles."""
        rectangles = {*self.rectangles, *more}
        return replace(self, rectangles=tuple(sorted(rectangles)))


@dataclass(frozen=True)
class DeviceRules:
    """All rules, those of the site first."""

    rules: tuple[DeviceRule, ...]

    @property
    def digest(self) -> str:
        """A hash of all rules."""
        return digest_of([rule.model_dump(mode="json") for rule in self.rules])

    @cached_property
    def keywords(self) -> frozenset[str]:
        """The attributes that rules compare."""
        return frozenset().union(*(rule.match for rule in self.rules))

    def treatment(self, header: Any) -> Treatment:
        """What the rules that fit a header say of its image, together."""
        rectangles: set[Rectangle] = set()
        texts: set[str] = set()
        names: list[str] = []
        faceless = False
        values = {keyword: _value(header, keyword) for keyword in self.keywords}
        for rule in self.rules:
            if not rule.fits(values):
                continue
            rectangles.update(rule.rectangles)
            texts.update(rule.texts)
            names.append(rule.name)
            faceless |= rule.faceless

        return Treatment(
            rectangles=tuple(sorted(rectangles)),
            texts=tuple(sorted(texts)),
            faceless=faceless,
            rules=tuple(names),
        )


def load_rules(paths: Sequence[Path] = ()) -> DeviceRules:
    """The rules of the site's files, and those that deidflow brings.

    Raises ConfigError with file, line and key.
    """
    rules: list[DeviceRule] = []
    for path in paths:
        document = read_document(path, "file of device rules")
        rules += _checked(document)
    own = _File.model_validate(load_yaml(DATA))
    _refuse_twice(rules, own.rules)
    return DeviceRules((*rules, *own.rules))


def _checked(document: Document) -> tuple[DeviceRule, ...]:
    try:
        return _File.model_validate(document.value).rules
    except ValidationError as error:
        first = error.errors()[0]
        location = first["loc"]
        parts = map(str, location)
        key = ".".join(parts)
        words = reason_of(first)
        where = document.where(location)
        raise ConfigError(f"{where}: '{key}': {words}") from None


def _refuse_twice(rules: Iterable[DeviceRule], own: Iterable[DeviceRule]) -> None:
    """Raise ConfigError where two rules have one name: reports could not tell them apart."""
    names = {rule.name for rule in own}
    for rule in rules:
        if rule.name in names:
            raise ConfigError(f"there are two device rules named '{rule.name}'; rename one")
        names.add(rule.name)


def _value(header: Any, keyword: str) -> str:
    """The values of an attribute as the file has them, joined by backslashes."""
    value = header.get(keyword)
    if value is None:
        return ""
    if isinstance(value, str) or not isinstance(value, Iterable):
        return str(value).strip()
    return "\\".join(str(part).strip() for part in value)


def _fits(value: str, pattern: str) -> bool:
    return fnmatchcase(value.upper(), pattern.upper())
