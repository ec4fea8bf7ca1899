"""Fields of a sidecar as BIDS lets them be: of the right kind, and not contradicting the image."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from deidflow.bids.names import BidsName, Grid
from deidflow.nifti.sidecar import JSON
from deidflow.resources import load_yaml

Fields = dict[str, JSON]
_LONGEST_READOUT = 10.0
"""Seconds; BIDS takes more for milliseconds."""


def bids_sidecar(sidecar: Mapping[str, JSON], name: BidsName, grid: Grid) -> Fields:
    """The sidecar of a release with the fields that BIDS can take for an image of this name."""
    fields = {}
    for key, value in sidecar.items():
        if is_right(key, value):
            fields[key] = value
    fields.pop("BidsGuess", None)
    method = fields.get("DeidentificationMethod")
    if isinstance(method, str):
        fields["DeidentificationMethod"] = [method]

    if name.datatype == "func" and "task" in name.entities:
        fields["TaskName"] = name.entities["task"]
    if name.entities.get("part") == "phase" and fields.get("Units") != "rad":
        fields["Units"] = "arbitrary"
    return _without_contradictions(fields, grid)


def is_right(key: str, value: JSON) -> bool:
    """Whether a value is of the kind that BIDS has for its field; any is for a field of others."""
    kinds = load_kinds()
    if value == "n/a" and key in kinds["unknown"]:
        return True
    if key in kinds["words"]:
        return value in kinds["words"][key]

    single = _kind_in(kinds["one"], key)
    if single:
        return _CHECKS[single](value)

    listed = _kind_in(kinds["list"], key)
    either = _kind_in(kinds["either"], key)
    if isinstance(value, list) and (listed or either):
        check = _CHECKS[listed or either]
        return all(check(element) for element in value)
    if either:
        return _CHECKS[either](value)
    return not listed


def _kind_in(kinds: Mapping[str, list[str]], key: str) -> str:
    for kind, keys in kinds.items():
        if key in keys:
            return kind
    return ""


@lru_cache(maxsize=1)
def load_kinds() -> Mapping[str, Any]:
    """The kinds of values by field, as the data file has them."""
    loaded: Mapping[str, Any] = load_yaml("standard/bids_fields.yaml")
    return loaded


def number_of(value: object) -> float | None:
    """A value that is a number; None for any other, booleans too."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_number(value: object) -> bool:
    return number_of(value) is not None


def _is_positive(value: object) -> bool:
    number = number_of(value)
    return number is not None and number > 0


def _is_from_zero(value: object) -> bool:
    number = number_of(value)
    return number is not None and number >= 0


_CHECKS: dict[str, Callable[[object], bool]] = {
    "text": _is_text,
    "flag": _is_flag,
    "number": _is_number,
    "positive": _is_positive,
    "from_zero": _is_from_zero,
}


def _without_contradictions(fields: Fields, grid: Grid) -> Fields:
    """Fields without the optional ones that cannot be true of this image."""
    kept = dict(fields)
    if not _slice_times_fit(fields, grid):
        kept.pop("SliceTiming", None)
    if not _readout_fits(fields, grid):
        kept.pop("TotalReadoutTime", None)
        kept.pop("EffectiveEchoSpacing", None)
    return kept


def _slice_times_fit(fields: Mapping[str, JSON], grid: Grid) -> bool:
    """Whether there is one time per slice, and none after the end of a volume."""
    times = fields.get("SliceTiming")
    if not isinstance(times, list):
        return True

    axis = str(fields.get("SliceEncodingDirection", "k"))
    if len(times) != _size_along(axis, grid):
        return False

    repetition = number_of(fields.get("RepetitionTime"))
    numbers = []
    for time in times:
        numbers.append(number_of(time) or 0.0)
    return repetition is None or max(numbers, default=0.0) <= repetition


def _readout_fits(fields: Mapping[str, JSON], grid: Grid) -> bool:
    """Whether the readout is longer than one echo spacing, and shorter than a repetition."""
    readout = number_of(fields.get("TotalReadoutTime"))
    if readout is not None and not 0 < readout <= _LONGEST_READOUT:
        return False

    spacing = number_of(fields.get("EffectiveEchoSpacing"))
    if spacing is None:
        return True
    if readout is not None and spacing >= readout:
        return False

    axis = str(fields.get("PhaseEncodingDirection", ""))
    repetition = number_of(fields.get("RepetitionTime"))
    if repetition is None or not axis:
        return True
    return spacing * _size_along(axis, grid) <= repetition


def _size_along(axis: str, grid: Grid) -> int:
    """Voxels of the image along `i`, `j` or `k`."""
    place = "ijk".index(axis[0])
    return grid.shape[place] if place < len(grid.shape) else 1
