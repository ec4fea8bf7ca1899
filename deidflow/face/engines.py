"""Who says where the face is: our template, pydeface, or a program of the site. One method each.

Every engine works on a registered head, so that gate, carrying and reconstruction are the same for
all.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from deidflow.errors import Withheld
from deidflow.face.affine import IDENTITY
from deidflow.face.candidate import Registered
from deidflow.face.engine_installed import check_engine
from deidflow.face.engine_program import run_program, uncovered
from deidflow.face.mask import Field
from deidflow.face.template import Template
from deidflow.face.template_regions import distance_to
from deidflow.face.volume import flags_of, mask_like
from deidflow.settings.face import DefaceSettings
from deidflow.verdicts import Reason

_PYDEFACE = sys.executable, "-m", "deidflow.face.run_pydeface", "{image}", "{mask}"


class Engine(Protocol):
    """Something that finds the region to remove."""

    def face(self, registered: Registered, template: Template) -> Field:
        """The region in the world of a registered series; raises Withheld where it does not fit."""


class TemplateEngine:
    """The extended region of the template, through the registration that passed the gate."""

    def face(self, registered: Registered, template: Template) -> Field:
        """Nothing to compute: the template's own distances."""
        return Field(template.distance, registered.affine)


@dataclass(frozen=True)
class CommandEngine:
    """A program that reads a NIfTI image and writes a NIfTI mask (0 = removed) on the same grid."""

    command: tuple[str, ...]
    scratch: Path
    log: Path
    face_left_max: float

    def face(self, registered: Registered, template: Template) -> Field:
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
        return Field(distance_to(removed), IDENTITY)


@dataclass(frozen=True)
class PydefaceEngine:
    """pydeface with FSL's flirt; its own region leaves the eyes, so ours is added to it."""

    scratch: Path
    log: Path

    def face(self, registered: Registered, template: Template) -> Field:
        """pydeface's region joined with the template's eyes, brow and cheeks."""
        removed = run_program(
            _PYDEFACE,
            series=registered.series,
            scratch=self.scratch,
            log=self.log,
        )
        template_face = TemplateEngine().face(registered, template)
        ours = template_face.within(removed, 0.0)
        both = mask_like(flags_of(removed) | ours, removed)
        return Field(distance_to(both), IDENTITY)


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
        case _:
            return TemplateEngine()
