"""BIDS names (BIDS 1.11), from a table of rules, ReproIn, or dcm2niix's guess."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from deidflow.documents import read_document
from deidflow.errors import ConfigError
from deidflow.resources import load_yaml

ENTITIES = (
    "task",
    "acq",
    "ce",
    "trc",
    "rec",
    "dir",
    "run",
    "echo",
    "flip",
    "inv",
    "mt",
    "part",
)
"""In the order of names, after subject and session."""
SUFFIXES: dict[str, frozenset[str]] = {
    "anat": frozenset(
        (
            "T1w",
            "T2w",
            "FLAIR",
            "T2starw",
            "PDw",
            "UNIT1",
            "angio",
            "inplaneT1",
            "inplaneT2",
            "MEGRE",
            "MP2RAGE",
            "T1map",
            "T2map",
        )
    ),
    "func": frozenset(("bold", "sbref", "cbv")),
    "dwi": frozenset(("dwi", "sbref")),
    "fmap": frozenset(
        (
            "epi",
            "phasediff",
            "phase1",
            "phase2",
            "magnitude",
            "magnitude1",
            "magnitude2",
            "fieldmap",
        )
    ),
    "perf": frozenset(("asl", "m0scan")),
    "pet": frozenset(("pet",)),
    "ct": frozenset(("ct",)),
}
_LABEL = re.compile(r"[A-Za-z0-9]+")
_REPROIN = re.compile(
    r"(?P<type>anat|func|dwi|fmap|perf|pet)(?:-(?P<suffix>[A-Za-z0-9]+))?"
    r"(?P<rest>(?:_[A-Za-z0-9]+-[A-Za-z0-9]+)*)"
)
_PAIR = re.compile(r"([a-z]+)-([A-Za-z0-9]+)")
_DEFAULT_SUFFIX = {"func": "bold", "dwi": "dwi", "fmap": "epi", "pet": "pet", "perf": "asl"}


@dataclass(frozen=True)
class BidsName:
    """Data type, entities and suffix of an image; who it is of and when are added by the writer."""

    datatype: str
    suffix: str
    entities: Mapping[str, str] = field(default_factory=dict)

    def stem(self, subject: str, session: str) -> str:
        """`sub-P001_ses-M00_task-rest_bold`."""
        parts = [f"sub-{subject}", f"ses-{session}"]
        for entity in ENTITIES:
            if entity in self.entities:
                parts.append(f"{entity}-{self.entities[entity]}")
        return "_".join([*parts, self.suffix])

    def having(self, **more: str) -> BidsName:
        """The same name with further entities."""
        return BidsName(self.datatype, self.suffix, {**self.entities, **more})


@dataclass(frozen=True)
class Facts:
    """What is known of one released image."""

    modality: str
    text: str
    """Series description and protocol, as the release has them."""
    sequence: str
    image_type: tuple[str, ...]
    output: str
    """What dcm2niix added to the name: `_e2`, `_ph`."""
    volumes: int
    has_gradients: bool
    guess: tuple[str, ...] = ()
    """`BidsGuess` of the sidecar: data type and the rest of the name."""
    direction: str = ""
    """PhaseEncodingDirection."""


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

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        datatype, _, suffix = name.partition("/")
        if name and suffix not in SUFFIXES.get(datatype, ()):
            raise ValueError("is not a BIDS data type and suffix, such as 'anat/T1w'")
        return name

    @field_validator("entities")
    @classmethod
    def _legal(cls, entities: dict[str, str]) -> dict[str, str]:
        for entity, label in entities.items():
            if entity not in ENTITIES or not _LABEL.fullmatch(label):
                raise ValueError("must hold BIDS entities with labels of letters and digits")
        return entities

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
        if self.series_not and re.search(self.series_not, facts.text, re.IGNORECASE):
            return False
        texts = (
            (self.series, facts.text),
            (self.sequence, facts.sequence),
            (self.output, facts.output),
        )
        return all(re.search(wanted, text, re.IGNORECASE) for wanted, text in texts if wanted)

    def named(self) -> BidsName | None:
        """The name; None for an image that goes to sourcedata."""
        datatype, _, suffix = self.name.partition("/")
        return BidsName(datatype, suffix, self.entities) if self.name else None


def load_rules(path: Path | None) -> tuple[NameRule, ...]:
    """A site's rules from a YAML list, before those of the project; raises ConfigError."""
    if path is None:
        return _standard_rules()
    document = read_document(path, "table of BIDS names")
    rows = document.value or []
    if not isinstance(rows, list):
        raise ConfigError(f"{document.where()}: must hold a list of rules")
    rules = []
    for number, row in enumerate(rows):
        try:
            rules.append(NameRule(**row))
        except (ValidationError, TypeError) as error:
            first = (
                error.errors()[0]
                if isinstance(error, ValidationError)
                else {"loc": (), "msg": "is not a rule"}
            )
            key = ".".join(map(str, first["loc"]))
            message = str(first["msg"]).removeprefix("Value error, ")
            raise ConfigError(f"{document.where([number])}: '{key}': {message}") from None
    return (*rules, *_standard_rules())


@lru_cache(maxsize=1)
def _standard_rules() -> tuple[NameRule, ...]:
    return tuple(NameRule(**row) for row in load_yaml("standard/bids_names.yaml"))


def name_of(
    facts: Facts, site: Sequence[NameRule], standard: Sequence[NameRule]
) -> BidsName | None:
    """The BIDS name of an image; None where it cannot be told.

    A site's rules decide first, then a ReproIn name in the description, then dcm2niix's guess, then
    the standard rules. What these send to sourcedata stays there whatever the guess.
    """
    for rule in site:
        if rule.fits(facts):
            chosen = rule.named()
            return _completed(chosen, facts) if chosen else None

    name = reproin_name(facts.text)
    fitting = next((rule for rule in standard if rule.fits(facts)), None)
    if name is None and fitting is not None and not fitting.name:
        return None
    name = name or guessed_name(facts.guess) or (fitting.named() if fitting else None)
    return _completed(name, facts) if name else None


def is_set_apart(facts: Facts, rules: Sequence[NameRule]) -> bool:
    """Whether a rule sends an image to sourcedata on purpose: a localizer, a derived map."""
    fitting = next((rule for rule in rules if rule.fits(facts)), None)
    return fitting is not None and not fitting.name


def guessed_name(guess: Sequence[str]) -> BidsName | None:
    """dcm2niix's BidsGuess, `["anat", "_acq-tfl3_run-4_T1w"]`, without its run."""
    if len(guess) != 2 or guess[0] not in SUFFIXES:
        return None
    suffix = guess[1].rpartition("_")[2]
    if suffix not in SUFFIXES[guess[0]]:
        return None
    entities = {
        key: label
        for key, label in _PAIR.findall(guess[1])
        if key in ("dir", "echo", "part", "task")
    }
    return BidsName(guess[0], suffix, entities)


def reproin_name(text: str) -> BidsName | None:
    """A name by the ReproIn convention in the description: `func_task-rest_run-01`, `anat-T1w`."""
    for word in text.split():
        match = _REPROIN.match(word)
        if match is None or not (match["suffix"] or match["rest"]):
            continue
        datatype = match["type"]
        suffix = match["suffix"] or _DEFAULT_SUFFIX.get(datatype, "")
        if suffix not in SUFFIXES[datatype]:
            continue
        pairs = dict(_PAIR.findall(match["rest"]))
        return BidsName(
            datatype, suffix, {key: pairs[key] for key in ENTITIES if key in pairs and key != "run"}
        )
    return None


_DIRECTIONS = {"j": "PA", "j-": "AP", "i": "RL", "i-": "LR", "k": "IS", "k-": "SI"}


def _completed(name: BidsName, facts: Facts) -> BidsName:
    """The name with what BIDS requires of its kind, and the echo or phase that it is."""
    more: dict[str, str] = {}
    if name.datatype == "func" and "task" not in name.entities:
        more["task"] = "unknown"
    if name.datatype == "fmap" and name.suffix == "epi" and "dir" not in name.entities:
        more["dir"] = _DIRECTIONS.get(facts.direction, "unknown")
    echo = re.search(r"_e(\d+)", facts.output)
    if echo and name.datatype in ("func", "anat"):
        more["echo"] = str(int(echo[1]))
    if "_ph" in facts.output and name.datatype in ("func", "anat", "dwi"):
        more["part"] = "phase"
    return name.having(**more)


def line_to_add(facts: Facts) -> str:
    """A rule for a site's table that would name images like this one."""
    row: dict[str, Any] = {"modality": facts.modality}
    if facts.text:
        row["series"] = f"^{re.escape(facts.text)}$".replace("\\ ", " ")
    elif facts.sequence:
        row["sequence"] = f"^{re.escape(facts.sequence)}$".replace("\\ ", " ")
    if facts.output:
        row["output"] = f"^{re.escape(facts.output)}$"
    conditions = ", ".join(f"{key}: '{value}'" for key, value in row.items() if value)
    return f"- {{{conditions}, name: DATATYPE/SUFFIX}}"
