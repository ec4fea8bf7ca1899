"""What the face room knows of a series: its volumes, and what its header says it shows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from deidflow.dicom.stack import StackKey
from deidflow.face.volume import Image
from deidflow.resources import load_yaml
from deidflow.settings.face import DefaceSettings, ScopeRule

FEWEST_SLICES = 20
"""A series of fewer slices proves nothing by what it does not show."""


@dataclass(frozen=True)
class About:
    """Header values of a series, the source's own: they never leave the vault."""

    modality: str
    image_type: tuple[str, ...] = ()
    acquisition_type: str = ""
    body_part: str = ""
    description: str = ""
    words: str = ""
    """Descriptions of series, study and protocol."""
    frame_of_reference: str = ""
    colour: bool = False
    t1_like: bool = False
    """Short echo, and a short repetition or an inversion."""

    @property
    def says_other_body_part(self) -> bool:
        """Whether the attributes name a body part without a face and never mention a head."""
        lists = load_yaml("standard/body_parts.yaml")
        named = re.sub(
            r"[^A-Z]",
            "",
            self.body_part.upper(),
        )
        words = set(re.findall(r"[A-Z]+", self.words.upper()))

        speaks_of_head = not words.isdisjoint(lists["head"])
        return named in lists["other"] and not speaks_of_head


@dataclass(frozen=True)
class HeadSeries:
    """A series as volumes in LPS, in-plane about 2 mm, the largest stack first."""

    name: str
    stacks: tuple[Image, ...]
    component: str
    """`M`, or `P`, `R`, `I` where no frame shows a magnitude."""
    about: About
    volumes: int = 1
    """How many volumes the largest stack has."""
    resolution_mm: float = 1.0
    """The largest spacing of the stored voxels of the largest stack."""
    even: bool = True
    """Whether the planes of the largest stack are a regular grid: no uneven gap, no tilt."""
    later: tuple[tuple[Image, ...], ...] = ()
    """Further volumes along the run, the last too, each as its stacks."""
    stack_keys: tuple[StackKey, ...] = ()
    """What the planes of each stack have in common; empty for one that was not read from files."""
    image: Path | None = None
    """The series as dcm2niix converted it."""

    @property
    def main(self) -> Image:
        """The largest stack."""
        return self.stacks[0]

    @property
    def shows_real_values(self) -> bool:
        """Whether its values are those of tissue, the brighter the more: grey MR and CT."""
        return (
            self.component == "M" and self.about.modality in ("MR", "CT") and not self.about.colour
        )

    @property
    def is_localizer(self) -> bool:
        """Whether the image type says so."""
        return "LOCALIZER" in self.about.image_type

    @property
    def is_thick(self) -> bool:
        """Whether it has enough slices to show that something is not there."""
        fewest = min(self.main.GetSize())
        return fewest >= FEWEST_SLICES and not self.is_localizer


def scope_rule_for(about: About, settings: DefaceSettings) -> ScopeRule | None:
    """The first rule of `deface.scope` that a series meets."""
    for rule in settings.scope:
        if _meets(about, rule):
            return rule
    return None


def _meets(about: About, rule: ScopeRule) -> bool:
    """Whether a series fits every pattern of a rule; an empty one fits all."""
    pairs = (
        (rule.modality, about.modality),
        (rule.body_part, about.body_part),
        (rule.series, about.description),
    )
    return all(_fits(pattern, value) for pattern, value in pairs)


def _fits(pattern: str, value: str) -> bool:
    """Whether a value fits a pattern with `*`, whatever the case."""
    return not pattern or fnmatchcase(value.upper(), pattern.upper())
