"""Names that others gave an image: dcm2niix's guess, and ReproIn in the description."""

from __future__ import annotations

import re
from collections.abc import Sequence

from deidflow.bids.names import ENTITIES, SUFFIXES, BidsName

_REPROIN = re.compile(
    r"(?P<type>anat|func|dwi|fmap|perf|pet)(?:-(?P<suffix>[A-Za-z0-9]+))?"
    r"(?P<rest>(?:_[A-Za-z0-9]+-[A-Za-z0-9]+)*)"
)
_PAIR = re.compile(r"([a-z]+)-([A-Za-z0-9]+)")
_DEFAULT_SUFFIX = {"func": "bold", "dwi": "dwi", "fmap": "epi", "pet": "pet", "perf": "asl"}
_GUESSED = ("dir", "echo", "part", "task")
"""Entities that are taken from a guess; the rest is of the sequence, or numbered anew."""


def guessed_name(guess: Sequence[str]) -> BidsName | None:
    """dcm2niix's BidsGuess, `["anat", "_acq-tfl3_run-4_T1w"]`, without its run."""
    if len(guess) != 2 or guess[0] not in SUFFIXES:
        return None
    datatype, stem = guess
    suffix = stem.rpartition("_")[2]
    if suffix not in SUFFIXES[datatype]:
        return None

    entities = {}
    for key, label in _PAIR.findall(stem):
        if key in _GUESSED:
            entities[key] = label
    return BidsName(datatype, suffix, entities)


def reproin_name(text: str) -> BidsName | None:
    """A name by the ReproIn convention in the description: `func_task-rest_run-01`, `anat-T1w`."""
    for word in text.split():
        match = _REPROIN.match(word)
        if match is None or not (match["suffix"] or match["rest"]):
            continue
        datatype = match["type"]
        suffix = match["suffix"] or _DEFAULT_SUFFIX.get(datatype, "")
        if suffix in SUFFIXES[datatype]:
            return BidsName(
                datatype,
                suffix,
                _entities(match["rest"]),
            )

    return None


def _entities(text: str) -> dict[str, str]:
    """Entities of BIDS in `_task-rest_run-01`, without the run."""
    entities = dict(_PAIR.findall(text))
    entities.pop("run", None)
    return {key: entities[key] for key in ENTITIES if key in entities}
