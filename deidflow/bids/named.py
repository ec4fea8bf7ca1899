"""Images of a release with their names, and those without."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import Protocol, TypeVar

from deidflow.bids.files import subject_label, visit_folder
from deidflow.bids.images import ReleasedImage
from deidflow.bids.names import BidsName, Grid, VolumeType
from deidflow.nifti.sidecar import JSON

Visit = tuple[str, str]
"""Pseudonym and session label."""


@dataclass(frozen=True)
class Named:
    """An image, its name, and the sidecar that goes with it."""

    image: ReleasedImage
    name: BidsName
    sidecar: Mapping[str, JSON] = field(default_factory=dict)
    field_map: str = ""
    """Identifier of the field map that the image is a part of."""
    corrected_by: tuple[str, ...] = ()
    """Identifiers of the field maps that are for the image."""
    context: tuple[VolumeType, ...] = ()
    """What the volumes of an ASL run are, as a rule of the site says."""
    calibrates: tuple[str, ...] = ()
    """The runs that an M0 scan is for, by their paths below the data set."""

    @property
    def visit(self) -> Visit:
        """Whose image it is, and of which session."""
        return self.image.subject, self.image.session

    @property
    def stem(self) -> str:
        """The file's name without its ending."""
        label = subject_label(self.image.subject)
        return self.name.stem(label, self.image.session)

    @property
    def folder(self) -> Path:
        """The folder of the image below the data set."""
        return visit_folder(*self.visit) / self.name.datatype

    @property
    def place(self) -> str:
        """The path of the image below the data set."""
        return str(self.folder / f"{self.stem}.nii.gz")

    @property
    def grid(self) -> Grid:
        """The voxels of the image."""
        return self.image.facts.grid

    @property
    def order(self) -> tuple[object, ...]:
        """By subject, session and series."""
        return self.visit, self.image.order


class Ordered(Protocol):
    """What has a place in the order of a session's series."""

    @property
    def order(self) -> tuple[object, ...]:
        """By subject, session and series."""


OrderedT = TypeVar("OrderedT", bound=Ordered)


def nearest(entry: Named, others: Sequence[OrderedT]) -> OrderedT:
    """The last of others before an image, else the first after it; `others` is not empty."""
    ordered = sorted(others, key=attrgetter("order"))
    found = ordered[0]
    for other in ordered:
        if other.order < entry.order:
            found = other
    return found


@dataclass(frozen=True)
class Unnamed:
    """An image without a name, why, and the line that would name it."""

    image: ReleasedImage
    why: str
    line: str
