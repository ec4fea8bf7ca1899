"""Who says where the face is: our template, pydeface, or a program of the site. One method each.

Every engine works on a registered head, so that gate, carrying and reconstruction are the same for
all.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from deidflow.errors import Withheld
from deidflow.face.affine import IDENTITY
from deidflow.face.anchor import FaceRegion, RegionKind, is_mostly_out_of_view
from deidflow.face.candidate import Registered
from deidflow.face.engine_installed import check_engine
from deidflow.face.engine_program import run_program, uncovered
from deidflow.face.mask import Field
from deidflow.face.skin import skin_region
from deidflow.face.template import Template
from deidflow.face.template_regions import distance_to
from deidflow.face.volume import Image, flags_of, mask_like
from deidflow.settings.face import DefaceSettings, SkinSettings
from deidflow.verdicts import Reason

_PYDEFACE = sys.executable, "-m", "deidflow.face.run_pydeface", "{image}", "{mask}"


class Engine(Protocol):
    """Something that finds the region to remove."""

    def face(self, registered: Registered, template: Template) -> FaceRegion:
        """The region in the world of a registered series; raises Withheld where it does not fit."""


class TemplateEngine:
    """The extended region of the template, through the registration that passed the gate."""

    def face(self, registered: Registered, template: Template) -> FaceRegion:
        """Nothing to compute: the template's own distances."""
        return FaceRegion(
            Field(template.distance, registered.affine),
            RegionKind.BLOCK,
            figures={},
        )


@dataclass(frozen=True)
class SkinEngine:
    """What lies before the template's surface, and some millimetres of the subject's skin.

    The region of the template where the skin cannot be trusted, or is mostly out of view.
    """

    settings: SkinSettings
    covers: bool = False
    """Whether a made-up face covers the outline too."""

    def face(self, registered: Registered, template: Template) -> FaceRegion:
        """Find the skin on the head as it was registered."""
        block = TemplateEngine().face(registered, template)
        if is_mostly_out_of_view(registered):
            return block

        region = skin_region(
            registered.head,
            registered.affine,
            template,
            self.settings,
            covers=self.covers,
        )
        if not region.is_trusted(self.settings):
            return replace(block, figures=region.figures)
        return FaceRegion(
            region.field,
            RegionKind.SKIN,
            region.figures,
        )


@dataclass(frozen=True)
class CommandEngine:
    """A program that reads a NIfTI image and writes a NIfTI mask (0 = removed) on the same grid."""

    command: tuple[str, ...]
    scratch: Path
    log: Path
    face_left_max: float

    def face(self, registered: Registered, template: Template) -> FaceRegion:
        """Run the program and take its mask if it covers the face."""
        removed = run_program(
            self.command,
            series=registered.series,
            scratch=self.scratch,
            log=self.log,
        )
        left = uncovered(
            removed,
            affine=registered.affine,
            template=template,
        )
        if left > self.face_left_max:
            raise Withheld(
                Reason.ENGINE_MASK,
                f"{left:.0%} of the face left",
            )
        return _of_program(removed)


@dataclass(frozen=True)
class PydefaceEngine:
    """pydeface with FSL's flirt; its own region leaves the eyes, so ours is added to it."""

    scratch: Path
    log: Path

    def face(self, registered: Registered, template: Template) -> FaceRegion:
        """pydeface's region joined with the template's eyes, brow and cheeks."""
        removed = run_program(
            _PYDEFACE,
            series=registered.series,
            scratch=self.scratch,
            log=self.log,
        )
        template_face = TemplateEngine().face(registered, template)
        ours = template_face.field.within(removed, 0.0)
        both = mask_like(flags_of(removed) | ours, removed)
        return _of_program(both)


def _of_program(removed: Image) -> FaceRegion:
    """The region of a mask on a grid of the series."""
    return FaceRegion(
        Field(distance_to(removed), IDENTITY),
        RegionKind.PROGRAM,
        figures={},
    )


def engine_of(settings: DefaceSettings, scratch: Path, log: Path) -> Engine:
    """The engine that the settings name; raises EnvironmentFault where its program is missing."""
    check_engine(settings)
    match settings.engine:
        case "command":
            return CommandEngine(
                command=settings.command,
                scratch=scratch,
                log=log,
                face_left_max=settings.gate.face_left_max,
            )
        case "pydeface":
            return PydefaceEngine(scratch, log)
        case _ if settings.region == "skin":
            return SkinEngine(settings.skin, covers=settings.fill == "average")
        case _:
            return TemplateEngine()
