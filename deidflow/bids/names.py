"""BIDS names (BIDS 1.11) and what is known of the image that gets one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

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


VolumeType = Literal["control", "label", "m0scan", "deltam", "cbf", "noRF"]
"""What a volume of an ASL run is, in the words of `aslcontext.tsv`."""


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
            label = self.entities.get(entity)
            if label is not None:
                parts.append(f"{entity}-{label}")
        parts.append(self.suffix)
        return "_".join(parts)

    def having(self, **more: str) -> BidsName:
        """The same name with further entities."""
        return BidsName(
            self.datatype,
            self.suffix,
            {**self.entities, **more},
        )


@dataclass(frozen=True)
class Grid:
    """What the header of an image says of its voxels."""

    shape: tuple[int, ...] = ()
    voxel_size: tuple[float, ...] = ()
    """In millimetres."""
    axes: str = ""
    """Where the axes point, as `LAS`."""
    volume_time: float = 0.0
    """Seconds from one volume to the next; 0 for a single one."""

    @property
    def volumes(self) -> int:
        """Volumes of a series; 1 for a single image."""
        return self.shape[3] if len(self.shape) > 3 else 1

    @property
    def slices(self) -> tuple[object, ...]:
        """What images of the same slices have in common."""
        return self.shape[:3], self.voxel_size[:3], self.axes


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
    grid: Grid = Grid()
