"""What BIDS requires of an image of some name and the release lacks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from deidflow.bids.asl import lacking_labelling, wrong_labelling
from deidflow.bids.images import ReleasedImage
from deidflow.bids.kinds import kind_of
from deidflow.bids.named import Named
from deidflow.bids.names import BidsName, Grid
from deidflow.bids.sidecars import number_of
from deidflow.nifti.sidecar import JSON

_FIELD_OF_ENTITY = {"echo": "EchoTime", "inv": "InversionTime", "flip": "FlipAngle"}
_SAME_TIME = 0.001
"""Seconds by which the repetition times of header and sidecar may differ."""
_ECHO_DIFFERENCE = (0.0001, 0.01)
"""Seconds between the echoes of a phase difference."""
_WITHOUT_DIFFUSION = 100.0
"""Below this b-value (s/mm2) an image is one without diffusion weighting."""


def lack_of(entry: Named) -> str:
    """What BIDS requires of an image of this name and the release lacks; empty for nothing."""
    name, image, fields = entry.name, entry.image, entry.sidecar
    kind = kind_of(name)
    entities = []
    for entity in kind.needed:
        if entity not in name.entities:
            entities.append(f"'{entity}-' in its name")
    lacking = [*entities, *lacking_fields(entry)]
    if lacking:
        return f"{name.suffix} needs {', '.join(lacking)}"

    return (
        _wrong_dimensions(
            name,
            kind.dimensions,
            entry.grid,
        )
        or _wrong_times(
            name,
            fields,
            entry.grid,
        )
        or _wrong_gradients(name, image)
        or wrong_labelling(entry)
    )


def lacking_fields(entry: Named) -> list[str]:
    """Fields that BIDS requires of an image of this name and its sidecar lacks."""
    if entry.name.datatype == "perf":
        return lacking_labelling(entry)
    lacking = kind_of(entry.name).lacking(entry.sidecar)
    for entity, field in _FIELD_OF_ENTITY.items():
        if entity in entry.name.entities and field not in (*entry.sidecar, *lacking):
            lacking.append(field)
    return lacking


def _wrong_dimensions(name: BidsName, wanted: int, grid: Grid) -> str:
    if wanted == 4 and len(grid.shape) != 4:
        return f"{name.suffix} needs more than one volume"
    if wanted == 3 and len(grid.shape) != 3:
        return f"{name.suffix} must be one volume"
    return ""


def _wrong_times(name: BidsName, fields: Mapping[str, JSON], grid: Grid) -> str:
    if name.suffix == "bold":
        repetition = number_of(fields["RepetitionTime"]) or 0.0
        if abs(repetition - grid.volume_time) >= _SAME_TIME:
            return "the repetition times of image and sidecar differ"

    if name.suffix == "phasediff":
        first = number_of(fields["EchoTime1"]) or 0.0
        second = number_of(fields["EchoTime2"]) or 0.0
        shortest, longest = _ECHO_DIFFERENCE
        if not shortest <= second - first <= longest:
            return "the echo times are not those of a phase difference"
    return ""


def _wrong_gradients(name: BidsName, image: ReleasedImage) -> str:
    """What is wrong with the b-values and b-vectors of a diffusion image or an EPI field map."""
    if name.suffix not in ("dwi", "epi"):
        return ""
    values = _table(image.beside(".bval"))
    vectors = _table(image.beside(".bvec"))
    if not values and not vectors:
        return "dwi needs gradients" if name.suffix == "dwi" else ""

    rows = len(values), len(vectors)
    counts = {len(row) for row in (*values, *vectors)}
    volumes = image.facts.grid.volumes
    if rows != (1, 3) or counts != {volumes}:
        return "its gradients do not fit the volumes of the image"
    if name.suffix == "epi" and min(values[0]) >= _WITHOUT_DIFFUSION:
        return "an EPI field map needs a volume without diffusion weighting"
    return ""


def _table(path: Path) -> list[list[float]]:
    """Rows of numbers; empty for no file."""
    if not path.exists():
        return []
    lines = path.read_text("ascii", "replace").splitlines()
    try:
        return [[float(cell) for cell in line.split()] for line in lines if line.strip()]
    except ValueError:
        return [[]]
